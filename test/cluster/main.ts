import { parseArgs } from "node:util";
import type { Log } from "./binaries.ts";
import { startCluster, type Cluster } from "./cluster.ts";
import { ClusterGround } from "./cluster-ground.ts";
import { onLauncherGone } from "./launchers.ts";
import { parseManifest } from "./objects.ts";
import * as manifests from "./product-manifests.ts";
import { must } from "./run.ts";

/** A StatefulSet of two pods that write, on the class of deploy/mooring.yaml. */
const EXAMPLE = "deploy/demo-movable.yaml";
const EXAMPLE_CLASS = "mooring";

const USAGE = `Usage: npm run cluster -- [--nodes N] [--bare N] [--install [--manifest FILE …]] [--json]

Starts a Kubernetes cluster on this machine, in namespaces of its own, and keeps it until Ctrl-C.

  --nodes N        nodes that run containers (default 3)
  --bare N         nodes that are only Node objects (default 0)
  --install        build Mooring, install it, and wait until it is Ready
  --manifest FILE  what --install applies instead of ${manifests.BASE_MANIFEST} and ${manifests.WORKLOADS_MANIFEST};
                   more than once for several files
  --json           print one line of JSON once all is Ready: {"kubectl": [...], "kubeconfig": ..., "nodes": [...]}
`;

interface Options {
  readonly nodes: number;
  readonly bare: number;
  readonly json: boolean;
  readonly help: boolean;
  /** The manifests to install; none when nothing is. */
  readonly install: readonly string[];
}

function number(text: string, option: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new Error(`--${option} takes a number, not "${text}"`);
  return Number(text);
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      nodes: { type: "string", default: "3" },
      bare: { type: "string", default: "0" },
      install: { type: "boolean", default: false },
      manifest: { type: "string", multiple: true },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false, short: "h" },
    },
  });
  const { manifest = [manifests.BASE_MANIFEST, manifests.WORKLOADS_MANIFEST], install, json, help } = values;
  const nodes = number(values.nodes, "nodes");
  if (install && nodes === 0) throw new Error("--install needs --nodes: on bare nodes no pod runs");
  const missing = install ? manifests.missingManifests(manifest) : undefined;
  if (missing !== undefined) throw new Error(`nothing can be installed: ${missing}`);
  return { nodes, bare: number(values.bare, "bare"), json, help, install: install ? manifest : [] };
}

/** What runs once everything is Ready. */
interface Started {
  readonly cluster: Cluster;
  /** The StorageClass of what was installed. */
  readonly storageClass: string | undefined;
}

async function start({ nodes, bare, install }: Options, log: Log): Promise<Started> {
  // First, since it is quick and may fail.
  if (install.length > 0) await must([process.execPath, "tools/build.mjs"]);
  const cluster = await startCluster({ nodes, bareNodes: bare, log });
  try {
    return { cluster, storageClass: await installInto(cluster, install, log) };
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

async function installInto(cluster: Cluster, files: readonly string[], log: Log): Promise<string | undefined> {
  if (files.length === 0) return undefined;
  const ground = new ClusterGround(cluster, "dist");
  log("installing Mooring");
  const image = await ground.loadProductImage();
  const texts = await Promise.all(files.map((file) => manifests.manifestWithImage(file, image)));
  for (const yaml of texts) await manifests.applyManifest(ground, yaml);
  for (const yaml of texts) await manifests.waitForRollout(ground, yaml);
  return texts.flatMap(parseManifest).find(({ kind }) => kind === "StorageClass")?.metadata.name;
}

/** A StatefulSet on the class that was installed, a drain, and a look at what it did. */
function whatToTry(storageClass: string): string {
  const apply =
    storageClass === EXAMPLE_CLASS
      ? `k apply -f ${EXAMPLE}`
      : `sed 's/storageClassName: .*/storageClassName: ${storageClass}/' ${EXAMPLE} | k apply -f -`;
  return `
Mooring is installed, with the StorageClass ${storageClass}. Two pods that write into volumes of it:

  ${apply} && k rollout status statefulset/journal

Drain the node of one of them. The drain waits until the data is on another node:

  k drain --ignore-daemonsets $(k get pod journal-0 -o jsonpath={.spec.nodeName})

Look: the moves, the pods, and how many lines the pod wrote on which node:

  k get volumemoves; k rollout status statefulset/journal; k get pods -o wide
  k exec journal-0 -- cut -d" " -f6 /data/journal | uniq -c
`;
}

function describe({ cluster, storageClass }: Started): string {
  const kubectl = cluster.kubectlArgv.join(" ");
  return `
Kubernetes is up: ${[...cluster.nodes.map((node) => node.name), ...cluster.bareNodes].join(", ")}

  alias k='${kubectl}'
  k get nodes
${storageClass === undefined ? "" : whatToTry(storageClass)}
Any other kubectl works too:

  export KUBECONFIG=${cluster.kubeconfig}

Logs of all components: ${cluster.directory}/logs
Ctrl-C takes everything down.
`;
}

/** Resolves with the exit code that fits the reason to end. */
function ending(): Promise<number> {
  return new Promise((resolve) => {
    // Neither a signal handler nor anything of a cluster keeps Node running.
    setInterval(() => undefined, 2 ** 30);
    process.once("SIGINT", () => resolve(130));
    process.once("SIGTERM", () => resolve(143));
    process.once("SIGHUP", () => resolve(129));
    onLauncherGone(() => resolve(1));
  });
}

async function main(): Promise<number> {
  const chosen = options();
  if (chosen.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const log = (line: string): void => console.error(line);
  const ended = ending();
  const starting = start(chosen, log);
  const early = await Promise.race([ended, starting.then(() => undefined)]);
  // A signal while it is still starting: the watchdog takes down whatever there is, as after a
  // crash.
  if (early !== undefined) return early;
  const started = await starting;
  await using cluster = started.cluster;
  if (chosen.json) {
    const names = [...cluster.nodes.map((node) => node.name), ...cluster.bareNodes];
    console.log(JSON.stringify({ kubectl: cluster.kubectlArgv, kubeconfig: cluster.kubeconfig, nodes: names }));
  } else {
    console.log(describe(started));
  }
  const code = await ended;
  log("taking the cluster down");
  return code;
}

try {
  process.exit(await main());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
