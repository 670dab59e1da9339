/** Longest name of an object. */
const LONGEST = 253;

/**
 * Name of the VolumeCopy of a volume on a node: `<volume>.<node>`. If that is too long, it is cut
 * and ends with a hash of the full name.
 */
export function copyNameOf(volume: string, node: string): string {
  const name = `${volume}.${node}`;
  if (name.length <= LONGEST) return name;
  const hash = fnv64(name);
  return `${name.slice(0, LONGEST - hash.length - 1)}-${hash}`;
}

/** FNV-1a, 64 bits, in hex. Good enough to make names differ; not a cryptographic hash. */
function fnv64(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, "0");
}
