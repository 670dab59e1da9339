import { createHash } from "node:crypto";
import { chmod, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cached } from "./cache.ts";
import { ensurePackages } from "./packages.ts";
import { must } from "./run.ts";

/** The Kubernetes that the Go module in components/ is made of. */
export const KUBERNETES_VERSION = "1.37.2";
const CONTAINERD_VERSION = "2.4.2";
const NODE_VERSION = "24.21.0";

const COMPONENTS_SOURCE = fileURLToPath(new URL("components", import.meta.url));
const [MAJOR = "", MINOR = ""] = KUBERNETES_VERSION.split(".");
const VERSION_PACKAGE = "k8s.io/component-base/version";
const COMPONENTS_FLAGS = [
  "-trimpath",
  "-ldflags",
  `-s -w -X ${VERSION_PACKAGE}.gitVersion=v${KUBERNETES_VERSION} -X ${VERSION_PACKAGE}.gitMajor=${MAJOR} -X ${VERSION_PACKAGE}.gitMinor=${MINOR}`,
];
/** Snapshotters that need C libraries and that no test uses. */
const CONTAINERD_FLAGS = ["-trimpath", "-ldflags", "-s -w", "-tags", "no_btrfs no_devmapper no_zfs"];

/** What a cluster is made of: directories, since nodes have them mounted. */
export interface Binaries {
  /** Holds `components`: etcd, every Kubernetes program and the relay in one file. */
  readonly componentsDirectory: string;
  /** Holds `containerd`, `ctr` and `containerd-shim-runc-v2`. */
  readonly containerdDirectory: string;
}

/** Says what is being done; a cold build lasts ten minutes, and silence looks like a hang. */
export type Log = (line: string) => void;

/**
 * Makes sure that all binaries and system packages are there. Containerd only when there are nodes
 * to run it.
 */
export async function ensureBinaries(log: Log, options: { containers: boolean }): Promise<Binaries> {
  await ensurePackages(log);
  const go = await goVersion();
  return {
    componentsDirectory: await components(go, log),
    containerdDirectory: options.containers ? await containerd(go, log) : "",
  };
}

/** The kubectl of the same version as the cluster, as the start of an argument vector. */
export async function kubectlProgram(log: Log): Promise<readonly string[]> {
  return [join(await components(await goVersion(), log), "components"), "kubectl"];
}

/** The file of a Node 24 binary for images; it does not depend on the Node that runs the tests. */
export async function nodeBinary(log: Log): Promise<string> {
  const name = `node-linux-${process.arch}@${NODE_VERSION}`;
  const directory = await cached(`node-${process.arch}-${NODE_VERSION}`, async (unfinished) => {
    log(`fetching ${name}`);
    const packed = await must(["npm", "pack", "--silent", name, "--pack-destination", unfinished], { cwd: unfinished });
    const tarball = packed.trim().split("\n").at(-1) ?? "";
    await must(["tar", "-xzf", tarball, "--strip-components=1", "package/bin/node", "package/LICENSE"], {
      cwd: unfinished,
    });
    await must(["rm", tarball], { cwd: unfinished });
    await chmod(join(unfinished, "bin/node"), 0o755);
  });
  return join(directory, "bin/node");
}

async function components(go: string, log: Log): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([go, COMPONENTS_FLAGS]));
  for (const name of (await readdir(COMPONENTS_SOURCE)).sort()) {
    if (!/\.go$|^go\.(mod|sum)$/.test(name)) continue;
    hash.update(`\0${name}\0`).update(await readFile(join(COMPONENTS_SOURCE, name)));
  }
  return await cached(`components-${hash.digest("hex").slice(0, 16)}`, async (unfinished) => {
    log(`building Kubernetes ${KUBERNETES_VERSION}: about ten minutes on two cores when Go's own cache is cold`);
    await build(["build", ...COMPONENTS_FLAGS, "-o", join(unfinished, "components"), "."], {}, log);
  });
}

async function containerd(go: string, log: Log): Promise<string> {
  const hash = createHash("sha256")
    .update(JSON.stringify([go, CONTAINERD_FLAGS]))
    .digest("hex")
    .slice(0, 16);
  return await cached(`containerd-${CONTAINERD_VERSION}-${hash}`, async (unfinished) => {
    log(`building containerd ${CONTAINERD_VERSION}: about a minute and a half`);
    const programs = ["containerd", "ctr", "containerd-shim-runc-v2"].map(
      (program) => `github.com/containerd/containerd/v2/cmd/${program}@v${CONTAINERD_VERSION}`,
    );
    await build(["install", ...CONTAINERD_FLAGS, ...programs], { GOBIN: unfinished, CGO_ENABLED: "0" }, log);
  });
}

async function build(args: readonly string[], env: Record<string, string>, log: Log): Promise<void> {
  const started = performance.now();
  const beat = setInterval(() => log(`still building (${seconds(started)} s)`), 30_000);
  try {
    // Not to be left building when this process is killed.
    await must(["setpriv", "--pdeathsig", "KILL", "go", ...args], {
      cwd: COMPONENTS_SOURCE,
      env: { ...environment(), ...env },
    });
  } finally {
    clearInterval(beat);
  }
  log(`built in ${seconds(started)} s`);
}

async function goVersion(): Promise<string> {
  try {
    // The settings that change what is built belong to the key as the version does.
    const version = await must(["go", "version"], { cwd: COMPONENTS_SOURCE });
    return (
      version + (await must(["go", "env", "GOARCH", "GOAMD64", "CGO_ENABLED", "GOFLAGS"], { cwd: COMPONENTS_SOURCE }))
    );
  } catch (cause) {
    throw new Error("the test cluster is built with Go 1.26 or newer: install it and put it on PATH", { cause });
  }
}

function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function seconds(started: number): number {
  return Math.round((performance.now() - started) / 1000);
}
