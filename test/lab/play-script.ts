import type { ContainerRun } from "../../src/lab/kubelet/runtime.ts";

/** Does to the node's files what the manifest's scripts do: `setup` makes $VOL_DIR, `teardown` removes it. Rejects for another script. */
export async function playScript({ container, env, mounts, files }: ContainerRun): Promise<void> {
  const seen = env["VOL_DIR"] ?? "";
  const mount = mounts.find(({ mountPath }) => mountPath !== "/" && seen.startsWith(mountPath));
  if (mount === undefined) throw new Error(`${seen} is not mounted`);
  const path = `${mount.source}/${seen.slice(mount.mountPath.length)}`.replaceAll(/\/+/g, "/");
  const script = container.command?.at(-1) ?? "";
  if (script === "/script/setup") await files.makeDirectories(path);
  else if (script === "/script/teardown") await files.remove(path);
  else throw new Error(`there is no script ${script}`);
}
