import { keyOf, uidOf } from "../../../kube/objects.ts";
import { expand } from "../pods/environment.ts";
import type { ImagePlayer } from "./image-player.ts";
import { absolutePaths, ForeignPath, PathRewriter } from "./rewrite.ts";
import type { ContainerRun, Mount } from "./runtime.ts";

/** The program that runs on this machine for a container. */
export interface ContainerProgram {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/**
 * The program for a container: one of this machine's own programs, or that of an ImagePlayer.
 * Rejects with a ForeignPath when the container names data that is not below its mounts.
 */
export async function programOf(run: ContainerRun, player: ImagePlayer | undefined): Promise<ContainerProgram> {
  const { pod, container, mounts, files } = run;
  const { command = [], args = [] } = container;
  // As the container runtime sets it.
  const env: Record<string, string> = { HOSTNAME: pod.metadata?.name ?? "", ...run.env };
  const words = [...command, ...args].map((word) => expand(word, env));
  const onMachine = (path: string): string => files.onMachine(path);
  const own = player === undefined ? await ownScripts(run, words) : [];
  const rewriter = new PathRewriter([...mounts, ...own], onMachine);
  // A player's program uses the right paths by itself. A script could touch the machine's own
  // files.
  const rewrite = (text: string, before?: string): string =>
    player === undefined ? rewriter.rewrite(text, before) : rewriter.replace(text);
  const written = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, rewrite(value)]));
  const argv = words.map((text, index) =>
    rewrite(
      text,
      words
        .slice(0, index)
        .map((word) => `${word} `)
        .join(""),
    ),
  );
  const cwd = onMachine(await workingDirectory(run));
  if (player === undefined) return { argv, env: written, cwd };
  const prepared = await player.prepare(run, argv);
  return { argv: prepared.argv, env: { ...written, ...prepared.env }, cwd };
}

/**
 * The container's working directory on the node: below its mounts, or in a directory of its own
 * that stands for the file system of its image.
 */
async function workingDirectory({ pod, container, mounts, files }: ContainerRun): Promise<string> {
  const workingDir = (container.workingDir ?? "").replace(/\/+$/, "");
  const root = `/var/lib/kubelet/pods/${uidOf(pod)}/root/${container.name}`;
  if (workingDir.split("/").includes("..")) throw new ForeignPath(workingDir);
  const directory = onNode(mounts, `${workingDir}/`)?.replace(/\/+$/, "") ?? `${root}${workingDir}`;
  await files.makeDirectories(directory);
  return directory;
}

/**
 * Scripts in a mounted ConfigMap or Secret may name mount paths, and other scripts. If a script
 * that the command names does so, copies with replaced paths run instead of them; each copy is a
 * mount of its own over the original file. Rejects with a ForeignPath.
 */
async function ownScripts(run: ContainerRun, words: readonly string[]): Promise<readonly Mount[]> {
  const { pod, container, mounts, files } = run;
  const volumes = new Map(pod.spec?.volumes?.map((volume) => [volume.name, volume]));
  const configured = mounts.filter(({ mountPath }) => {
    const volume = volumes.get(container.volumeMounts?.find((mount) => mount.mountPath === mountPath)?.name ?? "");
    return volume?.configMap !== undefined || volume?.secret !== undefined || volume?.projected !== undefined;
  });
  const texts = new Map<string, string>();
  const read = async (text: string): Promise<void> => {
    for (const path of absolutePaths(text)) {
      const onNodePath = onNode(configured, path);
      if (texts.has(path) || onNodePath === undefined || (await files.kind(onNodePath)) !== "file") continue;
      const found = (await files.readText(onNodePath)) ?? "";
      texts.set(path, found);
      await read(found);
    }
  };
  for (const word of words) await read(word);
  const directory = `/var/lib/kubelet/pods/${uidOf(pod)}/scripts/${container.name}`;
  const copies = [...texts.keys()].map((mountPath, index) => ({
    mountPath,
    source: `${directory}/${String(index)}`,
    readOnly: true,
  }));
  const onMachine = (path: string): string => files.onMachine(path);
  const plain = new PathRewriter(mounts, onMachine);
  const changes = [...texts.values()].filter((text) => plain.rewrite(text) !== text);
  if (changes.length === 0) return [];
  const rewriter = new PathRewriter([...mounts, ...copies], onMachine);
  await files.makeDirectories(directory);
  for (const { mountPath, source } of copies)
    await files.writeText(source, rewriter.rewrite(texts.get(mountPath) ?? ""));
  return copies;
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
