import { describe, expect, it } from "vitest";
import type { Pod } from "../../../kube/kinds.ts";
import { parseHelperTemplate } from "../../settings/helper-template.ts";
import { saying } from "../../testing/saying.fixture.ts";
import { helperPod, type HelperPodDefaults, type HelperTask } from "./pod.ts";
import { hasBegun, type HelperState, recordOf } from "./record.ts";

const VOLUME = "pvc-0b1f0c1e-7d1c-4d6c-9c0a-000000000001";
const TEMPLATE = `
metadata: {name: helper-pod, labels: {team: storage}, annotations: {a: b}}
spec:
  priorityClassName: system-node-critical
  containers: [{name: helper-pod, image: busybox, env: [{name: OWN, value: "1"}]}]`;

const task: HelperTask = {
  action: "create",
  volumeName: VOLUME,
  path: "/opt/local-path-provisioner/v",
  node: "node-a",
  shared: false,
  sizeBytes: 1073741824n,
  mode: "Filesystem",
  ownership: { user: "1000", group: "", perm: "0700" },
};

function defaults(template = TEMPLATE, config: Partial<HelperPodDefaults["config"]> = {}): HelperPodDefaults {
  return {
    template: parseHelperTemplate(template, true),
    config: { setupCommand: "", teardownCommand: "", ...config },
    namespace: "ns",
    configMapName: "scripts",
    serviceAccountName: "sa",
    provisioner: "rancher.io/local-path",
  };
}

describe("the helper pod", () => {
  it("passes a dollar sign to the script, although the kubelet would replace it", () => {
    const path = "/opt/lpp/shop/data/$(VOL_USER)/a$$b";
    const { spec } = helperPod({ ...task, path, ownership: { user: "$(HOME)", group: "$", perm: "" } }, defaults());
    const [container] = spec?.containers ?? [];
    const written = "/opt/lpp/shop/data/$$(VOL_USER)/a$$$$b";
    expect(container?.args?.[1]).toBe(written);
    expect(container?.env).toEqual(
      expect.arrayContaining([
        { name: "VOL_DIR", value: written },
        { name: "VOL_USER", value: "$$(HOME)" },
        { name: "VOL_GROUP", value: "$$" },
      ]),
    );
    expect(spec?.volumes?.[0]?.hostPath?.path).toBe("/opt/lpp/shop/data/$(VOL_USER)/");
    expect(recordOf(helperPod({ ...task, path }, defaults()))?.path).toBe(path);
  });

  it("is the original's to the letter, but for the token and our two annotations", () => {
    expect(helperPod(task, defaults())).toEqual({
      metadata: {
        name: `helper-pod-create-${VOLUME}`,
        namespace: "ns",
        labels: { team: "storage" },
        annotations: {
          a: "b",
          "mooring.dev/provisioner": "rancher.io/local-path",
          "mooring.dev/helper-volume": VOLUME,
          "mooring.dev/helper-path": "/opt/local-path-provisioner/v",
        },
      },
      spec: {
        priorityClassName: "system-node-critical",
        nodeName: "node-a",
        serviceAccountName: "sa",
        automountServiceAccountToken: false,
        restartPolicy: "Never",
        tolerations: [{ key: "node.kubernetes.io/disk-pressure", operator: "Exists", effect: "NoSchedule" }],
        volumes: [
          { name: "data", hostPath: { path: "/opt/local-path-provisioner/", type: "DirectoryOrCreate" } },
          {
            name: "script",
            configMap: {
              name: "scripts",
              items: [
                { key: "setup", path: "setup" },
                { key: "teardown", path: "teardown" },
              ],
            },
          },
        ],
        containers: [
          {
            name: "helper-pod",
            image: "busybox",
            command: ["/bin/sh", "/script/setup"],
            args: ["-p", "/opt/local-path-provisioner/v", "-s", "1073741824", "-m", "Filesystem", "-a", "create"],
            env: [
              { name: "OWN", value: "1" },
              { name: "VOL_DIR", value: "/opt/local-path-provisioner/v" },
              { name: "VOL_MODE", value: "Filesystem" },
              { name: "VOL_SIZE_BYTES", value: "1073741824" },
              { name: "VOL_USER", value: "1000" },
              { name: "VOL_GROUP", value: "" },
              { name: "VOL_PERM", value: "0700" },
            ],
            volumeMounts: [
              { name: "script", mountPath: "/script" },
              { name: "data", mountPath: "/opt/local-path-provisioner/" },
            ],
          },
        ],
      },
    });
  });

  it("runs the teardown for a deletion", () => {
    const [container] = helperPod({ ...task, action: "delete" }, defaults()).spec?.containers ?? [];
    expect(container?.command).toEqual(["/bin/sh", "/script/teardown"]);
    expect(container?.args?.slice(-2)).toEqual(["-a", "delete"]);
  });

  it("runs a command of the configuration instead, and mounts only the script that is left, or none", () => {
    const one = helperPod(task, defaults(TEMPLATE, { setupCommand: "/manager" })).spec;
    expect(one?.containers[0]?.command).toEqual(["/manager"]);
    expect(one?.volumes?.[1]?.configMap?.items).toEqual([{ key: "teardown", path: "teardown" }]);
    const none = helperPod(
      { ...task, action: "delete" },
      defaults(TEMPLATE, { setupCommand: "/m", teardownCommand: "/t" }),
    ).spec;
    expect(none?.containers[0]?.command).toEqual(["/t"]);
    expect(none?.volumes?.map(({ name }) => name)).toEqual(["data"]);
    expect(none?.containers[0]?.volumeMounts).toEqual([{ name: "data", mountPath: "/opt/local-path-provisioner/" }]);
  });

  it("keeps tolerations that the template gives, an empty list too", () => {
    const bare = `spec: {tolerations: [], containers: [{name: c}]}`;
    expect(helperPod(task, defaults(bare)).spec?.tolerations).toEqual([]);
  });

  it("keeps an unsafe template's mounts, volumes, node and containers; its data mount decides VOL_DIR, its script mount does not", () => {
    const unsafe = `
metadata: {name: h}
spec:
  nodeName: fixed
  serviceAccount: other
  serviceAccountName: other
  volumes: [{name: dev, hostPath: {path: /dev}}]
  containers:
    - {name: c, volumeMounts: [{name: data, mountPath: /workspace/}, {name: script, mountPath: /s, readOnly: true}, {name: dev, mountPath: /dev}]}
    - {name: sidecar}`;
    const { metadata, spec } = helperPod(task, defaults(unsafe));
    expect(metadata?.name).toBe(`h-create-${VOLUME}`);
    expect(spec?.nodeName).toBe("fixed");
    expect(spec?.serviceAccountName).toBe("sa");
    expect(spec).not.toHaveProperty("serviceAccount");
    expect(spec?.containers.map(({ name }) => name)).toEqual(["c", "sidecar"]);
    expect(spec?.volumes?.map(({ name }) => name)).toEqual(["dev", "data", "script"]);
    expect(spec?.containers[0]?.volumeMounts).toEqual([
      { name: "data", mountPath: "/workspace/" },
      { name: "script", mountPath: "/script", readOnly: true },
      { name: "dev", mountPath: "/dev" },
    ]);
    expect(spec?.containers[0]?.env?.[0]).toEqual({ name: "VOL_DIR", value: "/workspace/v" });
    expect(recordOf(helperPod(task, defaults(unsafe)))?.path).toBe("/opt/local-path-provisioner/v");
  });

  it("goes to any node on a shared file system when none is named", () => {
    expect(helperPod({ ...task, shared: true, node: "" }, defaults()).spec).not.toHaveProperty("nodeName");
  });

  it("has a name of at most 128 characters", () => {
    const long = `metadata: {name: ${"h".repeat(100)}}\nspec: {containers: [{name: c}]}`;
    const pod = helperPod(task, defaults(long));
    expect(pod.metadata?.name).toHaveLength(128);
    expect(recordOf(pod)).toMatchObject({ volumeName: VOLUME, action: "create" });
  });

  it("has a name that the server takes, wherever it is cut", () => {
    const valid = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
    for (let length = 60; length <= 128; length++) {
      const long = `metadata: {name: ${"h".repeat(length)}}\nspec: {containers: [{name: c}]}`;
      for (const volumeName of [VOLUME, `data.of.${"a.b-c".repeat(40)}`]) {
        for (const suffix of ["", "-again"]) {
          const name = helperPod({ ...task, volumeName, suffix }, defaults(long)).metadata?.name ?? "";
          expect(name).toMatch(valid);
          expect(name.length).toBeLessThanOrEqual(128);
        }
      }
    }
  });

  it.each([
    ["no name", { volumeName: "" }, "invalid empty name or path or node"],
    ["no path", { path: "" }, "invalid empty name or path or node"],
    ["no node", { node: "" }, "invalid empty name or path or node"],
    ["a relative path", { path: "data/v" }, "volume path data/v is not absolute"],
    [
      "a path directly below /",
      { path: "/v" },
      "invalid path create for /v: cannot find parent dir or volume dir or parent dir is relative",
    ],
    [
      "/ itself",
      { path: "/a/..", action: "delete" as const },
      "invalid path delete for /: cannot find parent dir or volume dir or parent dir is relative",
    ],
  ])("cannot be made for %s", (_what, wrong, message) => {
    expect(() => helperPod({ ...task, ...wrong }, defaults())).toThrow(saying(message));
  });

  it("cannot be made when the template mounts data at a relative path", () => {
    const relative = "spec: {containers: [{name: c, volumeMounts: [{name: data, mountPath: w}]}]}";
    expect(() => helperPod(task, defaults(relative))).toThrow("parent dir is relative");
  });
});

const atWork = { is: "at work", ending: undefined } as const;
const over = { is: "over", mayHaveRun: true, isDeleted: false } as const;
const states = {
  waiting: { ...atWork, mayHaveRun: false },
  running: { ...atWork, mayHaveRun: true },
  succeeded: { ...over, well: true },
  failed: { ...over, well: false },
} as const satisfies Record<string, HelperState>;

describe("what a helper pod on the cluster tells", () => {
  it("is read from pods of the original, which have no annotations of ours", () => {
    const pod = helperPod(task, defaults());
    expect(recordOf({ ...pod, metadata: { name: `helper-pod-create-${VOLUME}`, uid: "u" } })).toEqual({
      podName: `helper-pod-create-${VOLUME}`,
      again: false,
      uid: "u",
      action: "create",
      volumeName: VOLUME,
      path: "/opt/local-path-provisioner/v",
      node: "node-a",
      state: states.waiting,
      sizeBytes: 1073741824n,
      retain: false,
    });
  });

  it.each(["warm-node-a-0", "data-create-1", `${"v".repeat(200)}-end`])("names any volume: %s", (volumeName) => {
    for (const action of ["create", "delete"] as const) {
      const pod = helperPod({ ...task, action, volumeName }, defaults());
      expect(recordOf(pod)).toMatchObject({ volumeName, action });
    }
  });

  it.each(["annotations", "none"])(
    "is read although a webhook has put another container first (%s of ours)",
    (notes) => {
      const { metadata = {}, spec } = helperPod({ ...task, action: "delete" }, defaults());
      const proxy = { name: "proxy", args: ["sidecar", "--log", "info"], env: [{ name: "VOL_DIR", value: "/etc" }] };
      const injected = { metadata, spec: { ...spec, containers: [proxy, ...(spec?.containers ?? [])] } };
      const pod = notes === "none" ? { ...injected, metadata: { name: metadata.name ?? "" } } : injected;
      expect(recordOf(pod)).toMatchObject({
        action: "delete",
        volumeName: VOLUME,
        path: "/opt/local-path-provisioner/v",
        sizeBytes: 1073741824n,
      });
    },
  );

  it("has not begun while only a container of a webhook runs", () => {
    const { metadata = {}, spec } = helperPod({ ...task, action: "delete" }, defaults());
    const containers = [{ name: "proxy" }, ...(spec?.containers ?? [])];
    const status = (state: object): object => ({
      phase: "Pending",
      containerStatuses: [
        { name: "proxy", restartCount: 0, state: { running: { startedAt: "2030-01-01T00:00:00Z" } } },
        { name: "helper-pod", restartCount: 0, state },
      ],
    });
    const pod = (state: object): Pod => ({ metadata, spec: { ...spec, containers }, status: status(state) });
    const waiting = pod({ waiting: { reason: "ImagePullBackOff" } });
    expect([recordOf(waiting)?.state.mayHaveRun, hasBegun(waiting)]).toEqual([false, false]);
    const running = pod({ running: { startedAt: "2030-01-01T00:00:09Z" } });
    expect([recordOf(running)?.state.mayHaveRun, hasBegun(running)]).toEqual([true, true]);
  });

  it("names a volume that was made by hand in a pod of the original", () => {
    const pod = helperPod({ ...task, action: "delete", volumeName: "warm-node-a-0" }, defaults());
    const metadata = { name: pod.metadata?.name ?? "" };
    expect(recordOf({ ...pod, metadata })).toMatchObject({ volumeName: "warm-node-a-0", action: "delete" });
  });

  it("is nothing for other pods", () => {
    for (const name of ["provisioner-7c9", "helper-pod-create-data", `x-create-${VOLUME}`]) {
      expect(recordOf({ metadata: { name } })).toBeUndefined();
    }
  });

  it.each<[string, string[], string]>([
    ["k3s removes a chart", ["delete"], "helm-delete-traefik-x7k2p"],
    ["a chart makes a certificate", ["create", "--host=a"], "ingress-nginx-admission-create-9pq4d"],
    ["a program with the same option", ["-a", "delete"], "backup-delete-old-5m2xc"],
    ["a program with the same options", ["-p", "/x", "-a", "delete"], "backup-delete-old-5m2xc"],
  ])("is nothing for a pod of somebody else: %s", (_, args, name) => {
    expect(recordOf({ metadata: { name }, spec: { containers: [{ name: "main", args }] } })).toBeUndefined();
  });

  it.each<[keyof typeof states, object]>([
    ["waiting", {}],
    [
      "waiting",
      { phase: "Pending", containerStatuses: [{ restartCount: 0, state: { waiting: { reason: "ErrImagePull" } } }] },
    ],
    ["running", { phase: "Pending", containerStatuses: [{ restartCount: 0, state: { terminated: { exitCode: 0 } } }] }],
    ["running", { phase: "Unknown", containerStatuses: [{ restartCount: 0, state: { running: {} } }] }],
    ["running", { phase: "Running" }],
    ["succeeded", { phase: "Succeeded" }],
    ["failed", { phase: "Failed" }],
  ])("it is %s with status %j", (wanted, status) => {
    const pod = { ...helperPod(task, defaults()), status } as Parameters<typeof recordOf>[0];
    expect(recordOf(pod)?.state).toEqual(states[wanted]);
  });
});
