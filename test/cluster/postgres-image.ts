/*
 * PostgreSQL as an image, made of Debian's packages: those that postgresql needs, down to libc, and
 * busybox for a shell. They are unpacked and not installed, so nothing of it is on this machine.
 */
import { copyFile, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "./binaries.ts";
import { cached } from "./cache.ts";
import { writeImage } from "./images.ts";
import { downloadPackages, systemProgram } from "./packages.ts";
import { must } from "./run.ts";

export const POSTGRES_IMAGE = "mooring.dev/postgres:test";

/** The user in the image that the server runs as: it refuses to be root. */
export const POSTGRES_USER = 999;

/** Raise it when what the layer holds changes: it is part of the cache key. */
const RECIPE = 1;

/** What the packages bring and the server does not use: 300 of 420 MB. */
const LEFT_OUT = [
  "./usr/share/doc",
  "./usr/share/i18n",
  "./usr/share/locale",
  "./usr/share/man",
  "./usr/share/perl*",
  "./usr/lib/*/perl*",
  "*/bitcode",
  "*/libLLVM*",
  "*/libz3*",
  "*/llvmjit*",
];

/**
 * The tar file of the image, made if it is not there. The error is a PackagesUnavailable where the
 * packages cannot be fetched.
 */
export async function postgresImage(log: Log = () => undefined): Promise<string> {
  const directory = await cached(`postgres-image-${String(RECIPE)}`, async (unfinished) => {
    const packages = join(unfinished, "packages");
    const layer = join(unfinished, "layer");
    await mkdir(packages);
    await downloadPackages(log, packages, ["postgresql"]);
    await unpack(packages, layer);
    await rm(packages, { recursive: true });
    const version = (await readdir(join(layer, "usr/lib/postgresql"))).at(-1) ?? "";
    await addUsers(layer);
    await addShell(layer);
    await writeImage(unfinished, join(unfinished, "image.tar"), [POSTGRES_IMAGE], [layer], {
      // Of the time zones and messages of this machine the server needs to know nothing.
      env: [`PGBIN=/usr/lib/postgresql/${version}/bin`, "LC_ALL=C", "TZ=UTC"],
    });
    await rm(layer, { recursive: true });
  });
  return join(directory, "image.tar");
}

async function unpack(packages: string, layer: string): Promise<void> {
  // As base-files lays them; without them the loader is not found where programs name it.
  for (const name of ["bin", "lib", "lib64", "sbin"]) {
    await mkdir(join(layer, "usr", name), { recursive: true });
    await symlink(`usr/${name}`, join(layer, name));
  }
  await mkdir(join(layer, "tmp"));
  await must(["chmod", "1777", join(layer, "tmp")]);
  const leftOut = LEFT_OUT.map((pattern) => `--exclude=${pattern}`);
  for (const name of (await readdir(packages)).filter((file) => file.endsWith(".deb"))) {
    const tar = join(packages, "content.tar");
    await must(["sh", "-c", 'dpkg-deb --fsys-tarfile "$0" >"$1"', join(packages, name), tar]);
    await must(["tar", "--extract", "--keep-directory-symlink", ...leftOut, "--file", tar, "--directory", layer]);
  }
}

async function addUsers(layer: string): Promise<void> {
  await mkdir(join(layer, "etc"), { recursive: true });
  const id = `${String(POSTGRES_USER)}:${String(POSTGRES_USER)}`;
  await writeFile(join(layer, "etc/passwd"), `root:x:0:0:root:/root:/bin/sh\npostgres:x:${id}:postgres:/tmp:/bin/sh\n`);
  await writeFile(join(layer, "etc/group"), `root:x:0:\npostgres:x:${String(POSTGRES_USER)}:\n`);
}

async function addShell(layer: string): Promise<void> {
  const busybox = systemProgram("busybox");
  if (busybox === undefined) throw new Error("busybox-static is not installed");
  await copyFile(busybox, join(layer, "usr/bin/busybox"));
  for (const name of ["chmod", "sh", "sleep", "tail", "touch"]) {
    await rm(join(layer, "usr/bin", name), { force: true });
    await symlink("busybox", join(layer, "usr/bin", name));
  }
}
