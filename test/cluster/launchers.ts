import { readFileSync } from "node:fs";
import { startTimeOf } from "./identity.ts";

/** How often to look; a cluster of a dead launcher is garbage, but not urgent. */
const LOOK_EVERY_MS = 500;

/**
 * Calls back when a process that this one was started through (npm, its shell, tsx) has died. `npm
 * run` puts several between a person and this program, and SIGKILL to one of them does not reach
 * this one.
 */
export function onLauncherGone(callback: () => void): void {
  const launchers = findLaunchers();
  const timer = setInterval(() => {
    if (launchers.every(({ pid, startTime }) => startTimeOf(pid) === startTime)) return;
    clearInterval(timer);
    callback();
  }, LOOK_EVERY_MS);
  timer.unref();
}

interface Launcher {
  readonly pid: number;
  readonly startTime: string | undefined;
}

function findLaunchers(): Launcher[] {
  const found: Launcher[] = [];
  for (let pid = process.ppid; pid > 1 && isLauncher(commandLine(pid)); pid = parentOf(pid)) {
    found.push({ pid, startTime: startTimeOf(pid) });
  }
  return found;
}

/** Whether a command line is one of those that `npm run` and tsx put before this program. */
export function isLauncher(argv: readonly string[]): boolean {
  const [program = "", first = ""] = argv;
  if (/^(npm|npx) /.test(program) || /^(npm|npx)$/.test(program)) return true;
  const name = program.split("/").at(-1) ?? "";
  if (name === "sh" || name === "dash") return first === "-c" && argv.some((arg) => /\btsx\b/.test(arg));
  return (
    name === "node" && argv.slice(1, 4).some((arg) => /\/(tsx|npm-cli\.js|npx-cli\.js|npm|npx)$|\/tsx\//.test(arg))
  );
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").filter(Boolean);
  } catch {
    return [];
  }
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0;
  }
}
