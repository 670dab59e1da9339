import type { PersistentVolumeClaim, Pod, Volume } from "kubernetes-types/core/v1.js";
import type { StatefulSet } from "../../objects/kinds.ts";
import { statefulSets } from "../../objects/kinds.ts";
import { controlledBy } from "../../objects/owners.ts";
import { hashOf } from "../../objects/revision.ts";

export function revisionOf(set: StatefulSet): string {
  return `${set.metadata?.name ?? ""}-${hashOf(set.spec?.template)}`;
}

export function podName(set: StatefulSet, ordinal: number): string {
  return `${set.metadata?.name ?? ""}-${ordinal}`;
}

/** The ordinal in a pod's name; undefined when it is not one of this set's names. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const match = /^(.*)-(\d+)$/.exec(pod.metadata?.name ?? "");
  return match?.[1] === set.metadata?.name ? Number(match?.[2]) : undefined;
}

export function claimsOf(set: StatefulSet, ordinal: number): readonly PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    metadata: {
      ...template.metadata,
      name: `${template.metadata?.name ?? ""}-${podName(set, ordinal)}`,
      namespace: set.metadata?.namespace ?? "",
      labels: { ...template.metadata?.labels, ...set.spec?.selector.matchLabels },
    },
    ...(template.spec === undefined ? {} : { spec: template.spec }),
  }));
}

/**
 * The pod of an ordinal: the template with a stable name, its claims as volumes, and the labels
 * that tell it apart.
 */
export function makePod(set: StatefulSet, ordinal: number): Pod {
  const name = podName(set, ordinal);
  const { template, serviceName } = set.spec ?? {};
  const own: Volume[] = (set.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => ({
    name: metadata?.name ?? "",
    persistentVolumeClaim: { claimName: `${metadata?.name ?? ""}-${name}` },
  }));
  const replaced = new Set(own.map((volume) => volume.name));
  const volumes = [...(template?.spec?.volumes ?? []).filter((volume) => !replaced.has(volume.name)), ...own];
  return {
    metadata: {
      name,
      namespace: set.metadata?.namespace ?? "",
      labels: {
        ...template?.metadata?.labels,
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": String(ordinal),
        "controller-revision-hash": revisionOf(set),
      },
      ...(template?.metadata?.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
      ownerReferences: [controlledBy(statefulSets, set)],
    },
    spec: {
      containers: [],
      ...template?.spec,
      hostname: name,
      ...(serviceName === undefined ? {} : { subdomain: serviceName }),
      ...(volumes.length === 0 ? {} : { volumes }),
    },
  };
}
