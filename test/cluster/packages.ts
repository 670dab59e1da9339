import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
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

/** Debian's packages are not to be had here: no apt-get, or it cannot fetch them. */
export class PackagesUnavailable extends Error {}

/**
 * Fetches packages of the machine's own release into an empty directory, with all that they depend
 * on, also what is installed here. Installs nothing.
 */
export async function downloadPackages(
  log: (line: string) => void,
  directory: string,
  packages: readonly string[],
): Promise<void> {
  const names = packages.join(" ");
  if (systemProgram("apt-get") === undefined) {
    throw new PackagesUnavailable(`there is no apt-get here to fetch the Debian packages ${names}`);
  }
  log(`fetching the packages of ${names}`);
  // Nothing is installed, says this file.
  const status = join(directory, "status");
  await writeFile(status, "");
  await mkdir(join(directory, "partial"));
  // Its own user may not be able to enter the directory.
  const settings = [`Dir::State::status=${status}`, `Dir::Cache::archives=${directory}`, "APT::Sandbox::User=root"];
  const options = [
    "--download-only",
    "--no-install-recommends",
    "-y",
    "-qq",
    ...settings.flatMap((one) => ["-o", one]),
  ];
  await updateLists(log);
  const { code, stderr } = await run(["apt-get", "install", ...options, ...packages], { env: aptEnvironment() });
  if (code !== 0) {
    throw new PackagesUnavailable(`apt-get cannot fetch the Debian packages ${names}: ${stderr.trim()}`);
  }
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
  await updateLists(log);
  const argv = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...missing];
  await must(argv, { env: aptEnvironment() });
}

async function updateLists(log: (line: string) => void): Promise<void> {
  const { code, stderr } = await run(["apt-get", "update", "-qq"], { env: aptEnvironment() });
  if (code !== 0) log(`apt-get update failed; trying with the lists that are there: ${stderr.trim()}`);
}

function aptEnvironment(): Record<string, string> {
  return { PATH: SYSTEM_PATH, HOME: "/root", DEBIAN_FRONTEND: "noninteractive", ...proxies() };
}

function proxies(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (/^(https?|no|all)_proxy$/i.test(name) && value !== undefined) found[name] = value;
  }
  return found;
}
