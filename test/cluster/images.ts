import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cached } from "./cache.ts";
import { BUSYBOX_IMAGES, PAUSE_IMAGE } from "./image-names.ts";
import { systemProgram } from "./packages.ts";
import { must } from "./run.ts";

/** What an image runs when a pod does not say. */
export interface ImageConfig {
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: readonly string[];
}

/**
 * Puts an image together from directories, one layer each, as the tar file that `docker save` would
 * write: containerd imports it, and no docker and no registry is needed. The same content gives the
 * same bytes.
 */
export async function writeImage(
  workDirectory: string,
  tarFile: string,
  names: readonly string[],
  layers: readonly string[],
  config: ImageConfig,
): Promise<void> {
  const stage = join(workDirectory, "image");
  await mkdir(stage);
  const files: string[] = [];
  const digests: string[] = [];
  for (const [index, layer] of layers.entries()) {
    const file = `layer-${index}.tar`;
    await must(["tar", "--create", "--file", join(stage, file), ...REPRODUCIBLE, "--directory", layer, "."]);
    files.push(file);
    digests.push(
      `sha256:${createHash("sha256")
        .update(await readFile(join(stage, file)))
        .digest("hex")}`,
    );
  }
  const configuration = JSON.stringify({
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: {
      ...(config.entrypoint === undefined ? {} : { Entrypoint: config.entrypoint }),
      ...(config.cmd === undefined ? {} : { Cmd: config.cmd }),
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...(config.env ?? [])],
      WorkingDir: "/",
    },
    rootfs: { type: "layers", diff_ids: digests },
    history: digests.map(() => ({ created_by: "mooring test cluster" })),
  });
  await writeFile(join(stage, "config.json"), configuration);
  const manifest = [{ Config: "config.json", RepoTags: names, Layers: files }];
  await writeFile(join(stage, "manifest.json"), JSON.stringify(manifest));
  await must(["tar", "--create", "--file", tarFile, "--directory", stage, "manifest.json", "config.json", ...files]);
  await must(["rm", "-r", stage]);
}

const REPRODUCIBLE = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];

/**
 * Tar files of the images that every node has: the sandbox, and busybox under its usual names and
 * these.
 */
export async function baseImages(moreNames: readonly string[] = []): Promise<readonly string[]> {
  const names = [...BUSYBOX_IMAGES, ...moreNames];
  const busybox = systemProgram("busybox");
  if (busybox === undefined) throw new Error("busybox-static is not installed");
  const hash = createHash("sha256").update(await readFile(busybox));
  hash.update(JSON.stringify([RECIPE, PAUSE_IMAGE, names]));
  const directory = await cached(`base-images-${hash.digest("hex").slice(0, 16)}`, async (unfinished) => {
    const layer = join(unfinished, "layer");
    await busyboxLayer(layer, busybox);
    await writeImage(unfinished, join(unfinished, "busybox.tar"), names, [layer], { cmd: ["sh"] });
    await writeImage(unfinished, join(unfinished, "pause.tar"), [PAUSE_IMAGE], [layer], {
      entrypoint: ["/bin/sleep", "2147483"],
    });
    await must(["rm", "-r", layer]);
  });
  return [join(directory, "busybox.tar"), join(directory, "pause.tar")];
}

/** Raise it when what busyboxLayer() makes changes: it is part of the cache key. */
const RECIPE = 1;

async function busyboxLayer(layer: string, busybox: string): Promise<void> {
  for (const name of ["bin", "etc", "home", "root", "tmp", "usr/bin", "usr/sbin", "var"]) {
    await mkdir(join(layer, name), { recursive: true });
  }
  await must(["chmod", "1777", join(layer, "tmp")]);
  await copyFile(busybox, join(layer, "bin/busybox"));
  for (const applet of (await must([busybox, "--list"])).trim().split("\n")) {
    if (applet !== "busybox") await symlink("busybox", join(layer, "bin", applet));
  }
  await symlink("bin", join(layer, "sbin"));
  await writeFile(
    join(layer, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  );
  await writeFile(join(layer, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
}
