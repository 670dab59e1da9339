import type { Clock } from "../../src/effects/clock.ts";
import type { ContainerRun } from "../../src/lab/index.ts";

/** `until [ -e "${VOL_DIR%/*}/<name>" ]; do sleep <seconds>; done` */
const WAITS = /^until \[ -e "\$\{VOL_DIR%\/\*\}\/([\w.-]+)" \]; do sleep ([\d.]+); done$/;

/**
 * Does to the node's files what the script of a helper pod says, line by line as with `set -e`. It
 * knows the lines of the manifest's scripts and two more: `[ -e "$VOL_DIR/<name>" ]`, and where it
 * has a clock a loop that waits for a file beside the volume. Rejects at the first line that fails
 * or that it does not know.
 */
export async function playScript(run: ContainerRun, clock?: Clock): Promise<void> {
  const { container, files } = run;
  const script = container.command?.at(-1) ?? "";
  const text = await files.readText(onNode(run, script));
  if (text === undefined) throw new Error(`there is no script ${script}`);
  const directory = helperDirectory(run);
  for (const line of text.split("\n")) {
    const looked = /^\[ -e "\$VOL_DIR\/([\w.-]+)" \]$/.exec(line)?.[1];
    const [, awaited, seconds] = WAITS.exec(line) ?? [];
    if (line === "" || line.startsWith("#") || /^set -\w+$/.test(line)) continue;
    if (line === 'mkdir -m 0777 -p "$VOL_DIR"') await files.makeDirectories(directory);
    else if (line === 'rm -rf "$VOL_DIR"') await files.remove(directory);
    else if (awaited !== undefined && clock !== undefined) {
      const file = `${directory.slice(0, directory.lastIndexOf("/"))}/${awaited}`;
      while ((await files.kind(file)) === undefined) await clock.sleep(Number(seconds) * 1000);
    } else if (looked === undefined) throw new Error(`${script}: this line cannot be played: ${line}`);
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
