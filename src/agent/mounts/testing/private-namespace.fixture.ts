import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { bundledProgram } from "../../testing/bundled-program.fixture.ts";

/**
 * A step of the child: a shell command (its value is the output without the last newline), or a
 * call of the system's Mounts.
 */
export type Step =
  | { readonly sh: string }
  | { readonly call: "bind"; readonly source: string; readonly target: string; readonly readOnly: boolean }
  /** Opens the directory and hands the descriptor on. */
  | { readonly call: "bindOpened"; readonly source: string; readonly target: string }
  | { readonly call: "unmountAll"; readonly target: string }
  | { readonly call: "locate"; readonly path: string }
  | { readonly call: "publicationsOf"; readonly pool: string; readonly kubelet: string };

/** The outcome of one step: its value, or the code and the message of its error. */
export type Outcome =
  { readonly value: unknown } | { readonly error: { readonly code: string; readonly message: string } };

/** Why real mounts cannot be tested here. Undefined: they can. */
export function whyNoMounts(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  try {
    execFileSync("unshare", ["--mount", "--propagation", "private", "true"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "needs a machine that lets root unshare a mount namespace";
  }
}

/** Runs the steps in a process with its own mount namespace, so that its mounts end with it. */
export async function inPrivateNamespace(steps: readonly Step[]): Promise<Outcome[]> {
  const program = await bundledProgram(new URL("mounts-child.fixture.ts", import.meta.url));
  const child = [process.execPath, program, JSON.stringify(steps)];
  const { stdout } = await promisify(execFile)("unshare", ["--mount", "--propagation", "private", ...child]);
  return JSON.parse(stdout) as Outcome[];
}
