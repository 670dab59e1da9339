import { expect, test } from "vitest";
import type { Node, Pod } from "../kinds.ts";
import { slimNode, slimPod } from "./projection.ts";

const running = { running: { startedAt: "2026-01-01T00:00:00Z" } };
const container = {
  name: "main",
  image: "db:1",
  command: ["db"],
  env: [{ name: "PASSWORD", value: "secret" }],
  livenessProbe: { httpGet: { port: 80 } },
  ports: [{ containerPort: 80, hostPort: 80 }],
  resources: { requests: { cpu: "1" } },
  volumeMounts: [{ name: "data", mountPath: "/data" }],
};
const pod: Pod = {
  metadata: { name: "db-0", namespace: "default", labels: { app: "db" }, managedFields: [{ manager: "kubelet" }] },
  spec: {
    nodeName: "a",
    nodeSelector: { disk: "fast" },
    tolerations: [{ operator: "Exists" }],
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" }],
    securityContext: { runAsUser: 1 },
    containers: [container],
    initContainers: [{ ...container, name: "proxy", restartPolicy: "Always" } as never],
    volumes: [
      { name: "data", persistentVolumeClaim: { claimName: "data-db-0" } },
      { name: "scratch", ephemeral: { volumeClaimTemplate: { spec: {} } } },
      { name: "config", configMap: { name: "db" } },
    ],
  },
  status: {
    phase: "Running",
    conditions: [{ type: "Ready", status: "True" }],
    containerStatuses: [{ name: "main", image: "db:1", imageID: "db", ready: true, restartCount: 0, state: running }],
  },
};

test("of a pod it keeps what the scheduler looks at, its claims and its conditions", () => {
  const asked = { ports: container.ports, resources: container.resources };
  const { nodeName, nodeSelector, tolerations, topologySpreadConstraints, volumes } = pod.spec ?? { containers: [] };
  expect(slimPod(pod)).toEqual({
    metadata: { name: "db-0", namespace: "default", labels: { app: "db" } },
    spec: {
      nodeName,
      nodeSelector,
      tolerations,
      topologySpreadConstraints,
      containers: [{ name: "main", ...asked }],
      initContainers: [{ name: "proxy", ...asked, restartPolicy: "Always" }],
      volumes: volumes?.slice(0, 2),
    },
    status: { phase: "Running", conditions: pod.status?.conditions },
  });
});

test("of a pod that is Pending it keeps whether a container has begun", () => {
  const status = { ...pod.status, phase: "Pending" as const };
  expect(slimPod({ ...pod, status }).status).toEqual(status);
});

test("of a node it keeps neither the images nor the volumes in use", () => {
  const node: Node = {
    metadata: { name: "a", labels: { zone: "z" } },
    spec: { unschedulable: true },
    status: { images: [{ names: ["db:1"] }], volumesInUse: ["v"], allocatable: { cpu: "4" } },
  };
  expect(slimNode(node)).toEqual({ ...node, status: { allocatable: { cpu: "4" } } });
  expect(slimNode({ metadata: { name: "a" } })).toEqual({ metadata: { name: "a" } });
});
