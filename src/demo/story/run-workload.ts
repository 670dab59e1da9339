import { storageClasses, validatingWebhookConfigurations, type Pod } from "../../kube/kinds.ts";
import { keyOf } from "../../kube/objects.ts";
import { applyAll } from "../cluster/apply.ts";
import type { ManifestObject } from "../cluster/manifest.ts";
import { NotReached } from "../cluster/view.ts";
import type { RunningFacts } from "../checks/facts.ts";
import { DEFAULT_CLASS } from "../timeline/describe/describe-class.ts";
import { MOVABLE } from "../product.ts";
import { gatherRunning } from "./gather.ts";
import { settle } from "./settled.ts";
import { until, type Stage } from "./stage.ts";

/** Name of the webhook configuration. */
const WEBHOOK = "mooring";

/** Applies the shipped manifests, starts the agents, and waits until all replicas are ready. */
export async function startProduct(stage: Stage): Promise<void> {
  const { deployment, manifests, namespace } = stage.product;
  stage.timeline.act(`Mooring, from ${manifests.map((name) => `deploy/${name}`).join(" and ")}`);
  await applyAll(stage.client, stage.productObjects.map(withPatience), stage.signal);
  await stage.startAgents?.();
  await until(stage, `deployment ${namespace}/${deployment} to be available`, ({ deployments }) => {
    const found = deployments.find(({ metadata }) => metadata?.name === deployment);
    const { availableReplicas = 0 } = found?.status ?? {};
    return found !== undefined && availableReplicas === found.spec?.replicas ? true : undefined;
  });
  if (stage.product === MOVABLE) await untilEvictionsAreHeld(stage);
}

/**
 * The object, and of the webhook's configuration one that waits longer. Here one process is API
 * server, kubelets and agents, and on a busy machine the manifest's two seconds may pass in it
 * without a turn. Then an eviction would pass that should be held.
 */
function withPatience(object: ManifestObject): ManifestObject {
  const { webhooks } = object.body as { webhooks?: readonly object[] };
  if (webhooks === undefined) return object;
  const patient = webhooks.map((webhook) => ({ ...webhook, timeoutSeconds: 20 }));
  return { ...object, body: Object.assign({}, object.body, { webhooks: patient }) };
}

/**
 * Waits until Mooring would hold the evictions of a drain. The lab has no probes, so a replica is
 * available as soon as its program has begun. On a cluster the kubelet asks for readiness. API
 * servers trust the webhook as soon as the leader has published its certificate authority.
 */
async function untilEvictionsAreHeld(stage: Stage): Promise<void> {
  const { clock, signal, timeoutMs } = stage;
  const end = clock.monotonic() + timeoutMs;
  while (!((await isWebhookTrusted(stage)) && (await areReplicasReady(stage)))) {
    if (clock.monotonic() > end)
      throw new NotReached(`waited ${String(timeoutMs / 1000)} s for Mooring to hold evictions`);
    await clock.sleep(50, signal);
  }
}

async function isWebhookTrusted({ client, signal }: Stage): Promise<boolean> {
  const { webhooks = [] } = await client.get(validatingWebhookConfigurations, { name: WEBHOOK }, { signal });
  return webhooks.length > 0 && webhooks.every(({ clientConfig }) => (clientConfig.caBundle ?? "") !== "");
}

async function areReplicasReady({ lab, product, signal, view }: Stage): Promise<boolean> {
  const { deployment, namespace } = product;
  const replicas = view.snapshot.pods.filter(
    ({ metadata }) => metadata?.namespace === namespace && metadata.name?.startsWith(`${deployment}-`) === true,
  );
  const isReady = async ({ metadata: { name = "" } = {} }: Pod): Promise<boolean> => {
    const answer = await fetch(`${lab.addressOf(namespace, name) ?? ""}/ready`, { signal }).catch(() => undefined);
    return answer?.ok === true;
  };
  const ready = await Promise.all(replicas.map(isReady));
  return ready.length > 0 && ready.every(Boolean);
}

/** Applies the user's objects, waits until they run, and finds their files. */
export async function startWorkload(stage: Stage): Promise<void> {
  const { client, facts, signal, timeline, view, workload } = stage;
  timeline.act(workload.title);
  // Users' manifests seldom name our class. They rely on the cluster's default.
  if (!facts.builtIn) await makeDefault(stage);
  const applied = await applyAll(client, workload.objects, signal);
  try {
    await settle(stage, "everything to run", applied);
    if (facts.builtIn) await firstLines(stage);
  } finally {
    // Also when it does not run, so that the checks can say so.
    if (!signal.aborted) facts.running = await gatherRunning(view.snapshot, facts.nodes);
  }
  timeline.say(whereFilesAre(facts.running));
}

async function makeDefault({ client, product, signal }: Stage): Promise<void> {
  const annotations = { [DEFAULT_CLASS]: "true" };
  await client.patchMerge(storageClasses, { name: product.storageClass }, { metadata: { annotations } }, { signal });
}

/** Waits for the first lines of the pods: a container is Running before its script has written. */
async function firstLines({ clock, facts, signal, timeoutMs, view }: Stage): Promise<void> {
  const end = clock.monotonic() + timeoutMs;
  for (;;) {
    const { pods } = await gatherRunning(view.snapshot, facts.nodes);
    if (pods.every(({ journal }) => (journal ?? "") !== "")) return;
    if (clock.monotonic() > end)
      throw new NotReached(`waited ${String(timeoutMs / 1000)} s for the pods to write into their volumes`);
    await clock.sleep(50, signal);
  }
}

function whereFilesAre(running: RunningFacts | undefined): string {
  const lines = (running?.volumes ?? []).flatMap(({ claim, directory, files }) => {
    if (directory === undefined) return [];
    const list = files.map(({ name, bytes }) => `${name} (${String(bytes)} bytes)`).join(", ");
    const pod = running?.pods.find((each) => each.claim === keyOf(claim));
    const last = pod?.journal?.trimEnd().split("\n").at(-1);
    const says = last === undefined ? "" : `, ending with "${last}",`;
    return [`  claim ${claim.metadata?.name ?? ""}: ${list === "" ? "empty" : list}${says} in`, `    ${directory}`];
  });
  return lines.length === 0 ? "  No volume was asked for." : ["  Where the files are:", ...lines].join("\n");
}
