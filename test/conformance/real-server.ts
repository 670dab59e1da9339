import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import { startCluster } from "../cluster/cluster.ts";
import { BASE_MANIFEST } from "../cluster/product-manifests.ts";
import { waitFor } from "../cluster/wait.ts";
import { startHookProcess } from "./hook-process.ts";
import { BARE_NODES, type Server } from "./server.ts";
import { Wire } from "./wire.ts";

/** The kinds whose history the cases ask for after it was forgotten. */
const FORGOTTEN = ["namespaces", "secrets"];

/**
 * Starts a real control plane. Its API server has been started once more when this resolves, so
 * that it knows nothing of what was before, and its store is compacted every few seconds.
 */
export async function startRealServer(): Promise<Server> {
  const cluster = await startCluster({
    nodes: 0,
    bareNodes: BARE_NODES,
    apiserverArgs: ["--etcd-compaction-interval=5s"],
    log: (line) => process.stderr.write(`${line}\n`),
  });
  const wire = await Wire.fromKubeconfig(cluster.kubeconfig);
  await cluster.apiserver.kill();
  await cluster.apiserver.start();
  await waitFor(
    "the API server that was started again",
    async () => ((await wire.send({ method: "GET", path: "/readyz" })).code === 200 ? true : undefined),
    { timeoutMs: 180_000 },
  );
  await defineKinds(wire);
  const hook = await startHookProcess(cluster);
  return {
    wire,
    hook,
    forget: async (version) => {
      // Each kind has a cache of its own, which hears of the compaction a little later than others.
      for (const plural of FORGOTTEN) {
        const path = `/api/v1/${plural}?resourceVersion=${version}&resourceVersionMatch=Exact`;
        await waitFor(
          `version ${version} of ${plural} to be forgotten`,
          async () => ((await wire.send({ method: "GET", path })).code === 410 ? true : undefined),
          { timeoutMs: 180_000, everyMs: 500 },
        );
      }
    },
    close: async () => {
      await wire.close();
      await hook.close();
      await cluster.close();
    },
  };
}

interface Definition {
  readonly kind: string;
  readonly spec: { readonly group: string; readonly names: { readonly plural: string } };
}

/** Makes our own kinds, and waits until each of them is served. */
async function defineKinds(wire: Wire): Promise<void> {
  const documents = parseAllDocuments(await readFile(BASE_MANIFEST, "utf8")).map((each) => each.toJS() as Definition);
  const definitions = documents.filter(({ kind }) => kind === "CustomResourceDefinition");
  for (const body of definitions) {
    const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    const { code, body: said } = await wire.send({ method: "POST", path, body });
    if (code !== 201) throw new Error(`${body.spec.names.plural}: ${JSON.stringify(said)}`);
  }
  for (const { spec } of definitions) {
    await waitFor(
      `${spec.names.plural} to be served`,
      async () => {
        const path = `/apis/${spec.group}/v1alpha1/${spec.names.plural}`;
        return (await wire.send({ method: "GET", path })).code === 200 ? true : undefined;
      },
      { timeoutMs: 60_000, everyMs: 100 },
    );
  }
}
