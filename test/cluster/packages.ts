import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { must, run } from "./run.ts";

/** Programs of the machine that a cluster needs, and the Debian package each comes from. */
const PROGRAMS: Readonly<Record<string, string>> = {
  runc: "runc",
  busybox: "busybox-static",
  ip: "iproute2",
  nsenter: "util-linux",
  unshare: "util-linux",
  flock: "util-linux",
  mount: "mount",
  losetup: "mount",
  openssl: "openssl",
  tar: "tar",
};

/** Debian's directory of CNI plugins. */
export const CNI_PLUGINS = "/usr/lib/cni";

/** Directories that hold system programs; a person's PATH often lacks the sbin ones. */
export const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The program's file on the system path, or undefined. */
export function systemProgram(name: string): string | undefined {
  return SYSTEM_PATH.split(delimiter)
    .map((directory) => join(directory, name))
    .find((file) => existsSync(file));
}

/**
 * Installs what is missing of the packages that every cluster needs. Needs root only when something
 * is.
 */
export async function ensurePackages(log: (line: string) => void): Promise<void> {
  const missing = missingOf(PROGRAMS);
  if (!existsSync(join(CNI_PLUGINS, "ptp"))) missing.add("containernetworking-plugins");
  await install(missing, log);
}

/** The same for programs that only some tests need: the name of each, and its Debian package. */
export async function ensurePrograms(
  log: (line: string) => void,
  programs: Readonly<Record<string, string>>,
): Promise<void> {
  await install(missingOf(programs), log);
}

function missingOf(programs: Readonly<Record<string, string>>): Set<string> {
  const missing = Object.entries(programs).filter(([program]) => systemProgram(program) === undefined);
  return new Set(missing.map(([, name]) => name));
}

async function install(missing: ReadonlySet<string>, log: (line: string) => void): Promise<void> {
  if (missing.size === 0) return;
  const names = [...missing].sort().join(" ");
  if (systemProgram("apt-get") === undefined) {
    throw new Error(
      `the test cluster needs the Debian packages ${names}, and there is no apt-get here to install them`,
    );
  }
  log(`installing ${names}`);
  const env = { PATH: SYSTEM_PATH, HOME: "/root", DEBIAN_FRONTEND: "noninteractive", ...proxies() };
  const update = await run(["apt-get", "update", "-qq"], { env });
  if (update.code !== 0) log(`apt-get update failed; trying with the lists that are there: ${update.stderr.trim()}`);
  await must(["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...missing], { env });
}

function proxies(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (/^(https?|no|all)_proxy$/i.test(name) && value !== undefined) found[name] = value;
  }
  return found;
}
