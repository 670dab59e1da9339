/** A shared mapping of a file, from a line of `/proc/<pid>/maps`. */
export interface SharedMapping {
  /** "start-end" without leading zeros, as `/proc/<pid>/map_files` names it. */
  readonly range: string;
  /**
   * It can be stored to now. Another may become so by mprotect when its descriptor was writable.
   */
  readonly writable: boolean;
}

/**
 * Finds the shared mappings of files on one file system (by the device of its superblock, also on
 * Btrfs) in the text of `maps`.
 */
export function sharedMappings(maps: string, major: number, minor: number): SharedMapping[] {
  const device = `${hex(major)}:${hex(minor)}`;
  const pattern = new RegExp(String.raw`^([0-9a-f]+)-([0-9a-f]+) .(.).s [0-9a-f]+ ${device} `, "gm");
  return Array.from(maps.matchAll(pattern), ([, start = "", end = "", write]) => ({
    range: `${unpadded(start)}-${unpadded(end)}`,
    writable: write === "w",
  }));
}

/**
 * Whether the kernel would let a mapping become writable, from the text of `smaps`: the flag `mw`.
 * Undefined when it is not there.
 */
export function mayBeWritten(smaps: string, range: string): boolean | undefined {
  let inside = false;
  for (const line of smaps.split("\n")) {
    const header = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line);
    if (header !== null) inside = `${unpadded(header[1] ?? "")}-${unpadded(header[2] ?? "")}` === range;
    else if (inside && line.startsWith("VmFlags:")) return line.split(" ").includes("mw");
  }
  return undefined;
}

function hex(number: number): string {
  return number.toString(16).padStart(2, "0");
}

function unpadded(address: string): string {
  return address.replace(/^0+(?=.)/, "");
}
