import type { ContainerRun } from "../../src/lab/index.ts";

/**
 * Does to the node's files what the script of a helper pod says, line by line as with `set -e`. It
 * knows the lines of the manifest's scripts and one more, `[ -e "$VOL_DIR/<name>" ]`. Rejects at
 * the first line that fails or that it does not know.
 */
export async function playScript(run: ContainerRun): Promise<void> {
  const { container, files } = run;
  const script = container.command?.at(-1) ?? "";
  const text = await files.readText(onNode(run, script));
  if (text === undefined) throw new Error(`there is no script ${script}`);
  const directory = helperDirectory(run);
  for (const line of text.split("\n")) {
    const looked = /^\[ -e "\$VOL_DIR\/([\w.-]+)" \]$/.exec(line)?.[1];
    if (line === "" || line.startsWith("#") || /^set -\w+$/.test(line)) continue;
    if (line === 'mkdir -m 0777 -p "$VOL_DIR"') await files.makeDirectories(directory);
    else if (line === 'rm -rf "$VOL_DIR"') await files.remove(directory);
    else if (looked === undefined) throw new Error(`${script}: this line cannot be played: ${line}`);
    else if ((await files.kind(`${directory}/${looked}`)) === undefined) throw new Error(`${looked} is not there`);
  }
}

/** The volume's directory on the node, as the script of a helper pod finds it. */
export function helperDirectory(run: ContainerRun): string {
  return onNode(run, run.env["VOL_DIR"] ?? "");
}

function onNode({ mounts }: ContainerRun, path: string): string {
  const mount = mounts.find(({ mountPath }) => mountPath !== "/" && path.startsWith(mountPath));
  if (mount === undefined) throw new Error(`${path} is not mounted`);
  return `${mount.source}/${path.slice(mount.mountPath.length)}`.replaceAll(/\/+/g, "/");
}
