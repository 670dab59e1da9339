/*
 * An agent whose transfer has another version, as one of the next release may have: the built
 * product with another number in it. Agents compare nothing but that number before they begin.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WIRE_VERSION } from "../../../src/agent/transfer/wire/frames.ts";
import { productImage } from "../../cluster/product-image.ts";

/** The name of its image. */
export const OTHER_IMAGE = "mooring.dev/mooring:other-version";
export const OTHER_VERSION = WIRE_VERSION + 1;
/** As esbuild writes it; another constant of this name has another value. */
const IN_BUNDLE = new RegExp(`\\b(WIRE_VERSION\\d*\\s*=\\s*)${String(WIRE_VERSION)}(?=[;}])`, "g");

/** The image as a tar file. */
export async function otherVersionImage(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "mooring-other-version-"));
  try {
    const dist = join(directory, "dist");
    await cp("dist", dist, { recursive: true });
    const file = join(dist, "mooring.mjs");
    const text = await readFile(file, "utf8");
    const found = text.match(IN_BUNDLE)?.length ?? 0;
    if (found !== 1) throw new Error(`dist/mooring.mjs has the version of the transfer ${String(found)} times`);
    await writeFile(
      file,
      text.replace(IN_BUNDLE, (_, start) => `${String(start)}${String(OTHER_VERSION)}`),
    );
    return await productImage(dist, (line) => console.error(line), OTHER_IMAGE);
  } finally {
    await rm(directory, { recursive: true });
  }
}
