import { localVolumes } from "../../../src/api/kinds/local-volume.ts";
import { volumeMoves } from "../../../src/api/kinds/volume-move.ts";
import { planDrain } from "../../../src/demo/cluster/plan-drain.ts";
import type { Clock } from "../../../src/effects/clock.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { isConflict, isNotFound, isTooManyRequests } from "../../../src/kube/errors.ts";
import { nodes, persistentVolumeClaims, pods, type Pod } from "../../../src/kube/kinds.ts";
import { nameOf, uidOf } from "../../../src/kube/objects.ts";
import { podDisruptionBudgets, statefulSets } from "../../../src/lab/index.ts";
import type { BudgetPlan, SetPlan, UserStep } from "./plan.ts";

/** Where the user's sets are. */
export const NAMESPACE = "default";
/** How long kubectl drain waits before it tries an eviction again. */
const RETRY_MS = 5_000;
const LOOK_MS = 1_000;
const SELECTED_NODE = "volume.kubernetes.io/selected-node";

interface User {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly nodes: readonly string[];
  /** Nodes that are drained, or about to be. One always stays: volumes must have a way out. */
  readonly drained: Set<string>;
  /** Kills and starts a node's kubelet. */
  readonly kubelets: { kill(node: string): void; start(node: string): void };
}

export async function playSet(user: User, { at, name, replicas }: SetPlan): Promise<void> {
  await user.clock.sleep(at);
  await createSet(user, name, replicas);
}

/** Forbids the eviction of a set's pods until it is time. */
export async function playBudget({ client, clock }: User, { freedAt, set }: BudgetPlan): Promise<void> {
  const selector = { matchLabels: { app: set } };
  await client.create(podDisruptionBudgets, {
    metadata: { name: set, namespace: NAMESPACE },
    spec: { maxUnavailable: 0, selector },
  } as never);
  await clock.sleep(freedAt - clock.monotonic());
  await freeBudget(client, set);
}

export async function freeBudget(client: KubeClient, set: string): Promise<void> {
  await ifThere(client.delete(podDisruptionBudgets, { name: set, namespace: NAMESPACE }));
}

async function createSet({ client }: User, name: string, replicas: number): Promise<void> {
  const labels = { app: name };
  const container = { name: "main", image: "app", volumeMounts: [{ name: "data", mountPath: "/data" }] };
  await client.create(statefulSets, {
    metadata: { name, namespace: NAMESPACE },
    spec: {
      serviceName: name,
      replicas,
      podManagementPolicy: "Parallel",
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 10, containers: [container] } },
      volumeClaimTemplates: [
        {
          metadata: { name: "data" },
          spec: {
            storageClassName: "mooring",
            accessModes: ["ReadWriteOnce"],
            resources: { requests: { storage: "1Gi" } },
          },
        },
      ],
    },
  } as never);
}

export async function playStep(user: User, number: number, step: UserStep): Promise<void> {
  await user.clock.sleep(step.at);
  switch (step.step) {
    case "drain":
      return drain(user, step);
    case "move":
      return moveByHand(user, `by-hand-${String(number)}`, step);
    case "force-delete":
      await ifThere(user.client.delete(pods, podOf(step.set), { gracePeriodSeconds: 0 }));
      return;
    case "orphan":
      return orphan(user, step);
    case "remake":
      return remake(user, step);
    case "scale": {
      const at = { name: step.set, namespace: NAMESPACE };
      const set = await ifThere(user.client.get(statefulSets, at));
      if (set === undefined) return;
      await user.client.patchMerge(statefulSets, at, { spec: { replicas: 0 } });
      await user.clock.sleep(step.backAfterMs);
      await ifThere(user.client.patchMerge(statefulSets, at, { spec: { replicas: 1 } }));
      return;
    }
    default:
      step satisfies never;
  }
}

/**
 * Like `kubectl drain --ignore-daemonsets`: lists the pods once, and evicts each until it is gone.
 */
async function drain(user: User, step: Omit<Extract<UserStep, { step: "drain" }>, "step" | "at">): Promise<void> {
  const { client, clock } = user;
  const { disableEviction, givesUpAfterMs, node, uncordonAfterMs } = step;
  const cordon = (unschedulable: true | null): Promise<unknown> =>
    client.patchMerge(nodes, { name: node }, { spec: { unschedulable } });
  while (user.drained.has(node) || user.drained.size + 1 >= user.nodes.length) await clock.sleep(LOOK_MS);
  user.drained.add(node);
  const until = clock.monotonic() + (givesUpAfterMs ?? Infinity);
  await cordon(true);
  const listed = await client.list(pods, { fieldSelector: `spec.nodeName=${node}` });
  const { evict } = planDrain(node, listed);
  await Promise.all(evict.map((pod) => (disableEviction ? deletePod(user, pod, until) : evictPod(user, pod, until))));
  await clock.sleep(uncordonAfterMs);
  await cordon(null);
  user.drained.delete(node);
}

async function evictPod(user: User, pod: Pod, until: number): Promise<void> {
  const { client, clock } = user;
  const { name = "", namespace } = pod.metadata ?? {};
  while (clock.monotonic() < until) {
    try {
      await client.evict({ name, namespace });
      return await waitUntilGone(user, pod, until);
    } catch (error) {
      if (isNotFound(error)) return;
      if (!isTooManyRequests(error) && !isConflict(error)) throw error;
    }
    await clock.sleep(RETRY_MS);
  }
}

async function deletePod(user: User, pod: Pod, until: number): Promise<void> {
  const { name = "", namespace } = pod.metadata ?? {};
  await ifThere(user.client.delete(pods, { name, namespace }));
  await waitUntilGone(user, pod, until);
}

/** A pod of the same name with another UID is another pod. */
async function waitUntilGone({ client, clock }: User, pod: Pod, until: number): Promise<void> {
  const { name = "", namespace } = pod.metadata ?? {};
  while (clock.monotonic() < until) {
    const found = await ifThere(client.get(pods, { name, namespace }));
    if (found === undefined || uidOf(found) !== uidOf(pod)) return;
    await clock.sleep(LOOK_MS);
  }
}

async function orphan(user: User, step: Extract<UserStep, { step: "orphan" }>): Promise<void> {
  const { client, clock, kubelets } = user;
  const at = podOf(step.set);
  const node = (await ifThere(client.get(pods, at)))?.spec?.nodeName;
  if (node === undefined) return;
  kubelets.kill(node);
  await ifThere(client.delete(pods, at, { gracePeriodSeconds: 0 }));
  const drained = step.drains
    ? drain(user, { node, disableEviction: false, givesUpAfterMs: undefined, uncordonAfterMs: 1_000 })
    : undefined;
  await clock.sleep(step.downMs);
  kubelets.start(node);
  await drained;
}

async function remake(user: User, step: Extract<UserStep, { step: "remake" }>): Promise<void> {
  const { client, clock } = user;
  const set = await ifThere(client.get(statefulSets, { name: step.set, namespace: NAMESPACE }));
  if (set === undefined) return;
  await ifThere(client.delete(statefulSets, { name: step.set, namespace: NAMESPACE }));
  for (const claim of await client.list(persistentVolumeClaims)) {
    if (!nameOf(claim).startsWith(`data-${step.set}-`)) continue;
    await ifThere(client.delete(persistentVolumeClaims, { name: nameOf(claim), namespace: NAMESPACE }));
  }
  await clock.sleep(step.againAfterMs);
  if ((await ifThere(client.get(statefulSets, { name: step.set, namespace: NAMESPACE }))) !== undefined) return;
  await createSet(user, step.set, set.spec?.replicas ?? 1);
}

/**
 * A scheduler whose watches are broken may place a new pod of a claim that is being deleted. The
 * kubelet refuses the claim, the claim stays for the pod, and nothing in Kubernetes ends that:
 * somebody has to delete the pod. So it is when the claim is gone and was made again by then: the
 * pod has its node, and no scheduler chooses one for the new claim.
 */
export async function deletePodsOfDyingClaims({ client }: User): Promise<void> {
  const claims = await client.list(persistentVolumeClaims);
  const dying = claims.filter(({ metadata }) => metadata.deletionTimestamp !== undefined).map(nameOf);
  const unplaced = claims
    .filter(
      ({ metadata, status }) => status?.phase === "Pending" && metadata.annotations?.[SELECTED_NODE] === undefined,
    )
    .map(nameOf);
  for (const pod of await client.list(pods, { namespace: NAMESPACE })) {
    const used = (pod.spec?.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) => claim?.claimName ?? []);
    const stuck = pod.spec?.nodeName === undefined ? dying : [...dying, ...unplaced];
    if (pod.status?.phase !== "Pending" || !used.some((name) => stuck.includes(name))) continue;
    await ifThere(client.delete(pods, { name: nameOf(pod), namespace: NAMESPACE }));
  }
}

async function moveByHand(user: User, name: string, step: Extract<UserStep, { step: "move" }>): Promise<void> {
  const { client, clock } = user;
  const at = { name: `data-${step.set}-0`, namespace: NAMESPACE };
  const claim = await ifThere(client.get(persistentVolumeClaims, at));
  const volume = claim?.spec?.volumeName;
  const found = volume === undefined ? undefined : await ifThere(client.get(localVolumes, { name: volume }));
  if (volume === undefined || found === undefined || found.spec.nodeName === step.to) return;
  await client.create(volumeMoves, {
    metadata: { name },
    spec: { volumes: [{ name: volume, mode: "Copy" }], from: found.spec.nodeName, to: step.to, reason: "Request" },
  });
  if (step.deletedAfterMs === undefined) return;
  await clock.sleep(step.deletedAfterMs);
  await ifThere(client.delete(volumeMoves, { name }));
}

/** Removes whatever the user has. */
export async function clearUp({ client }: User): Promise<void> {
  for (const set of await client.list(statefulSets)) {
    await ifThere(client.delete(statefulSets, { name: nameOf(set), namespace: NAMESPACE }));
  }
  for (const pod of await client.list(pods)) {
    if (pod.metadata.namespace === NAMESPACE)
      await ifThere(client.delete(pods, { name: nameOf(pod), namespace: NAMESPACE }));
  }
  for (const claim of await client.list(persistentVolumeClaims)) {
    await ifThere(client.delete(persistentVolumeClaims, { name: nameOf(claim), namespace: NAMESPACE }));
  }
}

function podOf(set: string): { readonly name: string; readonly namespace: string } {
  return { name: `${set}-0`, namespace: NAMESPACE };
}

async function ifThere<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
