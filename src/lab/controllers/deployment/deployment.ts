// The Deployment controller: one ReplicaSet per template, and a rolling change from one to the
// next. Simpler than the real one: no history limit, no pausing, no progress deadline, no
// proportional scaling of several ReplicaSets.
import { isAlreadyExists } from "../../../kube/errors.ts";
import { secondsTime } from "../../../kube/timestamps.ts";
import { deployments, replicaSets, type Deployment, type ReplicaSet } from "../../objects/kinds.ts";
import { about, controlledBy, isControlledBy } from "../../objects/owners.ts";
import { isNamespaceTerminating } from "../../objects/terminating.ts";
import { hashOf } from "../../objects/revision.ts";
import { observed, writeStatus } from "../../objects/status.ts";
import { limitedClient, QueueController, type Controller, type Process } from "../../process/process.ts";

const HASH = "pod-template-hash";

export function deploymentController(process: Process): Controller {
  const { client, recorder } = limitedClient(process, "deployment-controller");
  const all = process.informers.of(deployments);
  const sets = process.informers.of(replicaSets);

  const scale = async (
    deployment: Deployment,
    set: ReplicaSet,
    replicas: number,
    signal: AbortSignal,
  ): Promise<void> => {
    const before = set.spec?.replicas ?? 1;
    if (before === replicas) return;
    const { name = "", namespace } = set.metadata ?? {};
    const answer = await client.patchMerge(replicaSets, { name, namespace }, { spec: { replicas } });
    const way = replicas > before ? "up" : "down";
    const message = `Scaled ${way} replica set ${name} from ${before} to ${replicas}`;
    recorder.record(about(deployments, deployment), { type: "Normal", reason: "ScalingReplicaSet", message });
    await sets.waitFor(answer.metadata?.resourceVersion ?? "0", signal);
  };

  const controller = new QueueController(process, { name: "deployment" }, async (key, signal) => {
    const deployment = all.store.get(key);
    if (deployment === undefined || deployment.metadata?.deletionTimestamp !== undefined) return;
    const owned = (): readonly ReplicaSet[] => sets.store.list().filter((set) => isControlledBy(set, deployment));
    const hash = hashOf(deployment.spec?.template);
    const isNew = (set: ReplicaSet): boolean => set.metadata?.labels?.[HASH] === hash;
    if (!owned().some(isNew)) {
      try {
        const made = await client.create(replicaSets, newSet(deployment, hash, owned().length + 1));
        await sets.waitFor(made.metadata?.resourceVersion ?? "0", signal);
      } catch (error) {
        if (isNamespaceTerminating(error)) return;
        if (!isAlreadyExists(error)) throw error;
      }
    }
    const newest = owned().find(isNew);
    if (newest === undefined) return;
    const old = owned().filter((set) => set !== newest);
    for (const { set, replicas } of planRollout(deployment, newest, old))
      await scale(deployment, set, replicas, signal);
    const status = statusOf(deployment, owned(), isNew, secondsTime(process.clock.now()));
    await writeStatus(client, deployments, deployment, status);
  });
  controller.watchOwners(all, "Deployment", sets);
  return controller;
}

/**
 * How many replicas each ReplicaSet should have now: never more in all than maxSurge allows, never
 * fewer available than maxUnavailable allows.
 */
export function planRollout(
  deployment: Deployment,
  newest: ReplicaSet,
  old: readonly ReplicaSet[],
): readonly { readonly set: ReplicaSet; readonly replicas: number }[] {
  const { replicas = 1, strategy } = deployment.spec ?? {};
  const asked = (set: ReplicaSet): number => set.spec?.replicas ?? 0;
  const available = (set: ReplicaSet): number => set.status?.availableReplicas ?? 0;
  const live = old.filter((set) => asked(set) > 0);
  if (strategy?.type === "Recreate") {
    const running = old.some((set) => (set.status?.replicas ?? 0) > 0);
    const rest = live.map((set) => ({ set, replicas: 0 }));
    return running || rest.length > 0 ? rest : [{ set: newest, replicas }];
  }
  const { maxSurge = "25%", maxUnavailable = "25%" } = strategy?.rollingUpdate ?? {};
  const surge = share(maxSurge, replicas, Math.ceil);
  let spare = share(maxUnavailable, replicas, Math.floor);
  if (surge === 0 && spare === 0) spare = 1;
  const total = [newest, ...live].reduce((sum, set) => sum + asked(set), 0);
  const room = Math.max(replicas + surge - total, 0);
  const up = asked(newest) > replicas ? replicas : Math.min(replicas, asked(newest) + room);
  const steps = [{ set: newest, replicas: up }];
  const pendingNew = asked(newest) - available(newest);
  let down = total - (replicas - spare) - pendingNew;
  for (const set of live) {
    if (down <= 0) break;
    const less = Math.min(asked(set), down);
    steps.push({ set, replicas: asked(set) - less });
    down -= less;
  }
  return steps;
}

function share(value: number | string, of: number, round: (value: number) => number): number {
  return typeof value === "number" ? value : round((Number.parseInt(value, 10) / 100) * of);
}

function newSet(deployment: Deployment, hash: string, revision: number): ReplicaSet {
  const { name = "", namespace = "" } = deployment.metadata ?? {};
  const { template, selector, strategy, replicas = 1 } = deployment.spec ?? {};
  const labels = { ...template?.metadata?.labels, [HASH]: hash };
  const first = revision === 1 && strategy?.type !== "Recreate";
  return {
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels,
      annotations: { "deployment.kubernetes.io/revision": String(revision) },
      ownerReferences: [controlledBy(deployments, deployment)],
    },
    spec: {
      replicas: first ? replicas : 0,
      selector: { ...selector, matchLabels: { ...selector?.matchLabels, [HASH]: hash } },
      template: { ...template, metadata: { ...template?.metadata, labels } },
    },
  };
}

function statusOf(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  isNew: (set: ReplicaSet) => boolean,
  now: string,
): NonNullable<Deployment["status"]> {
  const sum = (of: (set: ReplicaSet) => number | undefined): number =>
    sets.reduce((total, set) => total + (of(set) ?? 0), 0);
  const wanted = deployment.spec?.replicas ?? 1;
  const available = sum((set) => set.status?.availableReplicas);
  const updated = sets.find(isNew)?.status?.replicas ?? 0;
  const { maxUnavailable = "25%" } = deployment.spec?.strategy?.rollingUpdate ?? {};
  const enough = available >= wanted - share(maxUnavailable, wanted, Math.floor);
  const condition = (type: string, status: "True" | "False", reason: string, message: string) => {
    const known = deployment.status?.conditions?.find((each) => each.type === type);
    if (known?.status === status && known.reason === reason) return known;
    const lastTransitionTime = known?.status === status ? (known.lastTransitionTime ?? now) : now;
    return { type, status, reason, message, lastUpdateTime: now, lastTransitionTime };
  };
  const done = updated === wanted && available === wanted;
  const name = deployment.metadata?.name ?? "";
  return {
    ...deployment.status,
    ...observed(deployment),
    replicas: sum((set) => set.status?.replicas),
    updatedReplicas: updated,
    readyReplicas: sum((set) => set.status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(wanted - available, 0),
    conditions: [
      enough
        ? condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        : condition(
            "Available",
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
          ),
      done
        ? condition(
            "Progressing",
            "True",
            "NewReplicaSetAvailable",
            `Deployment "${name}" has successfully progressed.`,
          )
        : condition("Progressing", "True", "ReplicaSetUpdated", `Deployment "${name}" is progressing.`),
    ],
  };
}
