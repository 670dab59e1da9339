import { createHash, type Hash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, readFile, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { nodeBinary, type Log } from "./binaries.ts";
import { cacheDirectory, cached } from "./cache.ts";
import { PRODUCT_IMAGE } from "./image-names.ts";
import { writeImage } from "./images.ts";
import { must } from "./run.ts";

/**
 * Where the product's files are in the image; its programs are on PATH by their names without
 * `.mjs`.
 */
const LIBRARY = "/usr/local/lib/mooring";
const NODE = "/usr/local/bin/node";
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
/** Raise it when what the layers hold changes: it is part of the cache key. */
const RECIPE = 2;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * The product's image as a tar file: Node 24, all of the built product (its native modules too),
 * and the libraries both are linked to. No shell, as in the image that is released. Made anew only
 * when the files of the directory have changed. `image`: its name.
 */
export async function productImage(
  distDirectory: string,
  log: Log = () => undefined,
  image = PRODUCT_IMAGE,
): Promise<string> {
  const programs = (await readdir(distDirectory)).filter((name) => name.endsWith(".mjs"));
  if (programs.length === 0) throw new Error(`${distDirectory} holds no programs: run "npm run build" first`);
  const node = await nodeBinary(log);
  const hash = createHash("sha256").update(JSON.stringify([RECIPE, node, image]));
  await hashTree(hash, distDirectory);
  const name = `product-image-${hash.digest("hex").slice(0, 16)}`;
  const directory = await cached(name, async (unfinished) => {
    const runtime = join(unfinished, "runtime");
    const product = join(unfinished, "product");
    await runtimeLayer(runtime, node, await nativeModules(distDirectory));
    await productLayer(product, distDirectory, programs);
    await writeImage(unfinished, join(unfinished, "image.tar"), [image], [runtime, product], {
      entrypoint: [NODE],
      env: ["NODE_ENV=production"],
    });
    await rm(runtime, { recursive: true });
    await rm(product, { recursive: true });
    await forgetOld(name);
  });
  return join(directory, "image.tar");
}

async function runtimeLayer(layer: string, node: string, modules: readonly string[]): Promise<void> {
  for (const name of ["etc/ssl/certs", "usr/local/bin", "root", "home", "var"]) {
    await mkdir(join(layer, name), { recursive: true });
  }
  await mkdir(join(layer, "tmp"));
  await must(["chmod", "1777", join(layer, "tmp")]);
  await copyFile(node, join(layer, NODE));
  for (const library of librariesOf(await must(["ldd", node, ...modules]))) {
    await mkdir(join(layer, dirname(library)), { recursive: true });
    await copyFile(library, join(layer, library));
  }
  await writeFile(join(layer, "etc/passwd"), "root:x:0:0:root:/root:/\nnobody:x:65534:65534:nobody:/:/\n");
  await writeFile(join(layer, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
  if (existsSync(CERTIFICATES)) await copyFile(CERTIFICATES, join(layer, CERTIFICATES));
}

/** The native modules of the product: files that Node loads as libraries. */
async function nativeModules(distDirectory: string): Promise<string[]> {
  const names = await readdir(distDirectory, { recursive: true });
  return names.filter((name) => name.endsWith(".node")).map((name) => join(distDirectory, name));
}

/**
 * Paths of the libraries in ldd's output, each once: `libm.so.6 => /lib/… (0x…)`, and the loader,
 * which has no arrow. A library that ldd does not find has no path: it belongs to a module for
 * another libc, which Node does not load here.
 */
export function librariesOf(ldd: string): string[] {
  const found = new Set<string>();
  for (const line of ldd.split("\n")) {
    const path = /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1];
    if (path !== undefined) found.add(path);
  }
  return [...found];
}

async function productLayer(layer: string, distDirectory: string, programs: readonly string[]): Promise<void> {
  const library = join(layer, LIBRARY);
  await mkdir(library, { recursive: true });
  await cp(distDirectory, library, { recursive: true });
  await mkdir(join(layer, "usr/local/bin"), { recursive: true });
  for (const program of programs) {
    const file = join(library, program);
    // There is no /usr/bin/env in the image.
    await writeFile(file, (await readFile(file, "utf8")).replace(/^#!.*/, `#!${NODE}`));
    await must(["chmod", "755", file]);
    await symlink(join(LIBRARY, program), join(layer, "usr/local/bin", basename(program, ".mjs")));
  }
}

async function hashTree(hash: Hash, directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    hash.update(`\0${entry.name}\0`);
    if (entry.isDirectory()) await hashTree(hash, path);
    else hash.update(await readFile(path));
  }
}

/** Every build of the product makes a new image of more than 100 MB: those of yesterday go. */
async function forgetOld(current: string): Promise<void> {
  for (const name of await readdir(cacheDirectory())) {
    if (!name.startsWith("product-image-") || name.startsWith(current)) continue;
    const path = join(cacheDirectory(), name);
    if (Date.now() - (await stat(path)).mtimeMs > DAY_MS) await rm(path, { recursive: true, force: true });
  }
}
