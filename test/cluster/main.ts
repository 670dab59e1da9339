import { parseArgs } from "node:util";
import { startCluster, type Cluster } from "./cluster.ts";
import { onLauncherGone } from "./launchers.ts";

const USAGE = `Usage: npm run cluster -- [--nodes N] [--bare N] [--json]

Starts a Kubernetes cluster on this machine, in namespaces of its own, and keeps it until Ctrl-C.

  --nodes N   nodes that run containers (default 3)
  --bare N    nodes that are only Node objects (default 0)
  --json      print one line of JSON once the cluster is Ready: {"kubectl": [...], "kubeconfig": ..., "nodes": [...]}
`;

function number(text: string, option: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new Error(`--${option} takes a number, not "${text}"`);
  return Number(text);
}

function options(): { nodes: number; bare: number; json: boolean; help: boolean } {
  const { values } = parseArgs({
    options: {
      nodes: { type: "string", default: "3" },
      bare: { type: "string", default: "0" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false, short: "h" },
    },
  });
  return { ...values, nodes: number(values.nodes, "nodes"), bare: number(values.bare, "bare") };
}

function describe(cluster: Cluster): string {
  const kubectl = cluster.kubectlArgv.join(" ");
  return `
Kubernetes is up: ${[...cluster.nodes.map((node) => node.name), ...cluster.bareNodes].join(", ")}

  alias k='${kubectl}'
  k get nodes

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
  const { nodes, bare, json, help } = options();
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const log = (line: string): void => console.error(line);
  const ended = ending();
  const starting = startCluster({ nodes, bareNodes: bare, log });
  const early = await Promise.race([ended, starting.then(() => undefined)]);
  // A signal while it is still starting: the watchdog takes down whatever there is, as after a crash.
  if (early !== undefined) return early;
  await using cluster = await starting;
  if (json) {
    const names = [...cluster.nodes.map((node) => node.name), ...cluster.bareNodes];
    console.log(JSON.stringify({ kubectl: cluster.kubectlArgv, kubeconfig: cluster.kubeconfig, nodes: names }));
  } else {
    console.log(describe(cluster));
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
