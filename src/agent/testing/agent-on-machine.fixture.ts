import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { PublishRequest, UnpublishRequest } from "../../api/csi.ts";
import type { LocalVolumeSpec } from "../../api/kinds/local-volume.ts";
import { bundledProgram } from "./bundled-program.fixture.ts";

/**
 * What happens to the agent: a shell command beside it, a LocalVolume, a call, an order to remove
 * the bytes.
 */
export type MachineStep =
  | { readonly sh: string }
  | { readonly volume: string; readonly spec?: Partial<LocalVolumeSpec> }
  | { readonly publish: Partial<PublishRequest> }
  | { readonly unpublish: UnpublishRequest }
  /** Gives the order, and waits until the agent says that nothing is left. */
  | { readonly reclaim: string };

export type MachineOutcome =
  { readonly value: unknown } | { readonly error: { readonly code: string; readonly message: string } };

/**
 * Runs an agent on this machine's disk and mounts below `root`, in a mount namespace of its own,
 * and the steps beside it. Its pool is `<root>/disks/default`, the kubelet's directory
 * `<root>/kubelet`.
 */
export async function agentOnThisMachine(root: string, steps: readonly MachineStep[]): Promise<MachineOutcome[]> {
  const program = await bundledProgram(new URL("agent-child.fixture.ts", import.meta.url));
  const child = [process.execPath, program, JSON.stringify({ root, steps })];
  const { stdout } = await promisify(execFile)("unshare", ["--mount", "--propagation", "private", ...child]);
  return JSON.parse(stdout) as MachineOutcome[];
}
