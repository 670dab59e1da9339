/*
 * A program that writes by stores into a shared mapping alone. Nothing is ever synced, and the
 * descriptor of the file is closed, so only the kernel knows of a store.
 *
 * The file is an array of slots, each in a page of its own. The n-th store puts n into the slot n
 * modulo their number, and then n goes to stdout. So the slots of a file in which no store is
 * missing hold the last numbers, each in its place.
 *
 * A pod that finds the file writes down what is in it before its own first store. Beside it lies a
 * file that a copy in the order of names reads before it.
 */
import type { Ground } from "../../cluster/ground.ts";
import { nodeProgram } from "./node-program.ts";

export const SLOTS = 128;
/** Four pages, so the file has more than one chunk of a transfer. */
const SLOT_BYTES = 16 * 1024;
const MAPPED = "/data/mapped";
const FILLER = "/data/filler";
const FOUND = "/data/found";

const WRITE = (fillerBytes: number): string => `
  const fs = require("node:fs");
  const koffi = require("/usr/local/lib/mooring/koffi-glibc-" + process.arch + ".node");
  const libc = koffi.load(null);
  const mmap = libc.func("uint64_t mmap(uint64_t at, size_t size, int protection, int flags, int file, int64_t offset)");
  const memcpy = libc.func("uint64_t memcpy(uint64_t to, void *from, size_t size)");
  const [PROT_READ_WRITE, MAP_SHARED, size] = [3, 1, ${String(SLOTS * SLOT_BYTES)}];
  process.on("SIGTERM", () => process.exit(0));
  let n = 0;
  if (fs.existsSync("${MAPPED}")) {
    const bytes = fs.readFileSync("${MAPPED}");
    const found = Array.from({ length: ${String(SLOTS)} }, (_, slot) => bytes.readUInt32LE(slot * ${String(SLOT_BYTES)}));
    fs.writeFileSync("${FOUND}", JSON.stringify(found));
    n = Math.max(...found);
  } else {
    fs.writeFileSync("${FILLER}", require("node:crypto").randomBytes(${String(fillerBytes)}));
    fs.writeFileSync("${MAPPED}", Buffer.alloc(size));
  }
  const file = fs.openSync("${MAPPED}", "r+");
  const at = BigInt(mmap(0, size, PROT_READ_WRITE, MAP_SHARED, file, 0));
  fs.closeSync(file);
  const value = Buffer.alloc(4);
  const step = () => {
    n += 1;
    value.writeUInt32LE(n);
    memcpy(at + BigInt((n % ${String(SLOTS)}) * ${String(SLOT_BYTES)}), value, value.length);
    fs.writeSync(1, n + "\\n");
    setTimeout(step, 5);
  };
  step();`;

/** A StatefulSet of one pod that stores. `image` is the product's. */
export function mappedWriter(
  namespace: string,
  name: string,
  storageClassName: string,
  { fillerBytes, image }: { readonly fillerBytes: number; readonly image: string },
): object {
  return nodeProgram(namespace, name, storageClassName, image, WRITE(fillerBytes));
}

/** What a pod has found in the slots before its own first store. Needs `isolation`. */
export async function foundSlots(ground: Ground, namespace: string, pod: string): Promise<readonly number[]> {
  const print = `console.log(require("node:fs").readFileSync("${FOUND}", "utf8"))`;
  const { code, stdout, stderr } = await ground.exec(namespace, pod, ["node", "-e", print]);
  if (code !== 0) throw new Error(`${namespace}/${pod} has found no mapped file: ${stderr}`);
  return JSON.parse(stdout) as number[];
}

/** What is missing, given that stores were acknowledged up to a number; empty: nothing. */
export function missingStores(slots: readonly number[], acknowledged: number): string[] {
  const last = Math.max(...slots);
  const missing = slots.flatMap((found, slot) => {
    const wanted = last - ((last - slot) % SLOTS);
    return found === wanted ? [] : [`slot ${String(slot)} holds ${String(found)} instead of ${String(wanted)}`];
  });
  const behind = `${String(acknowledged)} stores were acknowledged, and the last one is ${String(last)}`;
  return last < acknowledged ? [behind, ...missing] : missing;
}
