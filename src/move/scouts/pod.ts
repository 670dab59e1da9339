import { volumeMoves } from "../../api/kinds/volume-move.ts";
import {
  SCOUT_CLASS,
  SCOUT_LABEL,
  SCOUT_NODES_ANNOTATION,
  SCOUT_OPEN_ANNOTATION,
  SCOUT_PODS_ANNOTATION,
  SCOUT_PRIORITY,
} from "../../api/names.ts";
import type { PersistentVolumeClaim, Pod } from "../../kube/kinds.ts";
import { apiVersionOf } from "../../kube/resource.ts";
import type { KeeperSettings } from "../../movable/keepers/pod.ts";
import { scoutAffinity, type Reach } from "./affinity.ts";
import { podsKey, type Ask } from "./scout.ts";

/** Where scouts live, and an image that is on the nodes already. */
export type ScoutSettings = KeeperSettings;

export interface ScoutShape {
  readonly name: string;
  readonly reach: Reach;
  readonly open: boolean;
}

type Container = NonNullable<Pod["spec"]>["containers"][number];

/**
 * The claim that keeps a scout from running. One is enough, however many volumes move: its class
 * has no provisioner, so that the scheduler sees no room of volumes in it. Our own rules have.
 */
export function scoutClaim(ask: Ask, { name }: ScoutShape, { namespace }: ScoutSettings): PersistentVolumeClaim {
  return {
    metadata: scoutMetadata(ask, name, namespace),
    spec: {
      storageClassName: SCOUT_CLASS,
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Mi" } },
    },
  };
}

/**
 * The pod that asks. It has what the scheduler looks at in the moving pods, and none of their
 * labels: terms of other pods, spread and budgets count pods of the workload's own namespace, and
 * no label of ours is seen from there. Several pods that share volumes are one scout: what they ask
 * for adds up.
 */
export function scoutPod(ask: Ask, shape: ScoutShape, settings: ScoutSettings): Pod {
  const { name, open, reach } = shape;
  const { image, imagePullPolicy, namespace } = settings;
  const { nodes, pods, preferred } = ask;
  const specs = pods.flatMap(({ spec }) => spec ?? []);
  const [first] = specs;
  const like = ({ ports = [], resources = {}, ...other }: Container, index: number, kind: string): Container => {
    const { limits, requests } = resources;
    // A sidecar's requests add up with those of the containers.
    const restartPolicy = kind === "init" ? (other as { readonly restartPolicy?: string }).restartPolicy : undefined;
    return {
      name: `${kind}-${String(index)}`,
      image,
      ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
      command: ["mooring", "pause"],
      resources: { ...(limits === undefined ? {} : { limits }), ...(requests === undefined ? {} : { requests }) },
      ports: ports
        .filter(({ hostPort = 0 }) => hostPort > 0)
        .map(({ containerPort, hostIP, hostPort, protocol }) => ({
          containerPort,
          hostPort,
          ...(hostIP === undefined ? {} : { hostIP }),
          ...(protocol === undefined ? {} : { protocol }),
        })) as never,
      ...(restartPolicy === undefined ? {} : { restartPolicy }),
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
    };
  };
  const initContainers = specs.flatMap((spec) => spec.initContainers ?? []);
  const runtimeClassName = specs.find((spec) => spec.runtimeClassName !== undefined)?.runtimeClassName;
  const podResources =
    specs.length === 1 ? (first as { readonly resources?: object } | undefined)?.resources : undefined;
  const metadata = scoutMetadata(ask, name, namespace);
  return {
    metadata: {
      ...metadata,
      annotations: {
        [SCOUT_PODS_ANNOTATION]: podsKey(pods),
        [SCOUT_NODES_ANNOTATION]: nodes.join(","),
        [SCOUT_OPEN_ANNOTATION]: String(open),
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "true",
      },
    },
    spec: {
      ...(first?.schedulerName === undefined ? {} : { schedulerName: first.schedulerName }),
      priorityClassName: SCOUT_PRIORITY,
      ...(runtimeClassName === undefined ? {} : { runtimeClassName }),
      nodeSelector: Object.assign({}, ...specs.map((spec) => spec.nodeSelector)) as Record<string, string>,
      affinity: scoutAffinity(pods, reach, preferred),
      tolerations: specs.flatMap((spec) => spec.tolerations ?? []),
      ...(podResources === undefined ? {} : { resources: podResources }),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 0,
      restartPolicy: "Always",
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
      ...(initContainers.length === 0 ? {} : { initContainers: initContainers.map((one, i) => like(one, i, "init")) }),
      containers: specs.flatMap((spec) => spec.containers).map((one, i) => like(one, i, "like")),
      volumes: [{ name: "never", persistentVolumeClaim: { claimName: name } }],
    },
  };
}

function scoutMetadata({ move }: Ask, name: string, namespace: string) {
  const { name: moveName, uid } = move.metadata;
  return {
    name,
    namespace,
    labels: {
      "app.kubernetes.io/name": "mooring",
      "app.kubernetes.io/component": "scout",
      [SCOUT_LABEL]: uid,
    },
    ownerReferences: [
      { apiVersion: apiVersionOf(volumeMoves), kind: volumeMoves.kind, name: moveName, uid, controller: true },
    ],
  };
}
