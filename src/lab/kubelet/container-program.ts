import { keyOf, uidOf } from "../../kube/objects.ts";
import type { ImagePlayer } from "./image-player.ts";
import { PathRewriter } from "./rewrite.ts";
import type { ContainerRun, Mount } from "./runtime.ts";

/** What is run on this machine for a container. */
export interface ContainerProgram {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** For a container that this machine's own programs play, or that a player plays. Rejects with a ForeignPath when it names data that is not below its mounts. */
export async function programOf(run: ContainerRun, player: ImagePlayer | undefined): Promise<ContainerProgram> {
  const { pod, container, mounts, files } = run;
  const { command = [], args = [] } = container;
  // As the container runtime sets it.
  const env: Record<string, string> = { HOSTNAME: pod.metadata?.name ?? "", ...run.env };
  const expand = (text: string): string =>
    text.replace(/\$\(([\w.-]+)\)/g, (whole, name: string) => env[name] ?? whole);
  const rewriter = new PathRewriter(mounts, (path) => files.onMachine(path));
  // A player's program knows where its data is; a script might mean the machine's own files.
  const rewrite = (text: string): string => (player === undefined ? rewriter.rewrite(text) : rewriter.replace(text));
  const written = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, rewrite(value)]));
  const cwd = rewriter.replace(container.workingDir ?? mounts[0]?.mountPath ?? "/usr");
  const argv: string[] = [];
  for (const [index, text] of [...command, ...args].map(expand).entries()) {
    const own = player === undefined ? await ownScript(run, rewriter, text, index) : undefined;
    argv.push(own ?? rewrite(text));
  }
  if (player === undefined) return { argv, env: written, cwd };
  const prepared = await player.prepare(run, argv);
  return { argv: prepared.argv, env: { ...written, ...prepared.env }, cwd };
}

/**
 * A script that lies in a mounted directory (a ConfigMap's, mostly) may name mount paths as the command may. Then a copy with the paths replaced is run in its place: the path of that copy, or undefined when
 * there is nothing to replace.
 */
async function ownScript(
  { pod, container, mounts, files }: ContainerRun,
  rewriter: PathRewriter,
  argument: string,
  index: number,
): Promise<string | undefined> {
  const path = onNode(mounts, argument);
  if (path === undefined || (await files.kind(path)) !== "file") return undefined;
  const text = (await files.readText(path)) ?? "";
  const replaced = rewriter.rewrite(text);
  if (replaced === text) return undefined;
  const directory = `/var/lib/kubelet/pods/${uidOf(pod)}/scripts`;
  const copy = `${directory}/${container.name}-${index}`;
  await files.makeDirectories(directory);
  await files.writeText(copy, replaced);
  return files.onMachine(copy);
}

/** Where on the node a container's path lies; undefined when it is not below a mount. */
function onNode(mounts: readonly Mount[], path: string): string | undefined {
  const [mount] = mounts
    .map(({ mountPath, source }) => ({ mountPath: mountPath.replace(/\/+$/, ""), source }))
    .filter(({ mountPath }) => path.startsWith(`${mountPath}/`))
    .toSorted((a, b) => b.mountPath.length - a.mountPath.length);
  return mount === undefined ? undefined : mount.source + path.slice(mount.mountPath.length);
}

/** `namespace/pod/container`, for messages. */
export function containerName({ pod, container }: ContainerRun): string {
  return `${keyOf(pod)}/${container.name}`;
}
