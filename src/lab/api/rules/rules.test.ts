import { describe, expect, it } from "vitest";
import { events, nodes, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from "../../../kube/kinds.ts";
import type { KubeError } from "../../../kube/errors.ts";
import { claim, pod, refused, testLab, volume, type TestLab } from "../testing/lab.fixture.ts";

const data = { namespace: "default", name: "data" };
const pv = { name: "pv-1" };

/** The fields that a 422 complains about. */
const fields = (error: KubeError): unknown[] => (error.details?.causes ?? []).map(({ field }) => field);

async function storageClass({ client }: TestLab, name: string, isDefault = false): Promise<void> {
  const annotations = isDefault ? { "storageclass.kubernetes.io/is-default-class": "true" } : {};
  await client.create(storageClasses, { metadata: { name, annotations }, provisioner: "example.com/p" });
}

describe("a claim", () => {
  it("is given a volume mode, its finalizer and the phase Pending", async () => {
    const made = await testLab().client.create(persistentVolumeClaims, claim());
    expect(made).toMatchObject({
      metadata: { finalizers: ["kubernetes.io/pvc-protection"] },
      spec: { volumeMode: "Filesystem" },
      status: { phase: "Pending" },
    });
  });

  it("is given the newest default class, unless it names one or none", async () => {
    const lab = testLab();
    await storageClass(lab, "older", true);
    await lab.clock.advance(1000);
    await storageClass(lab, "newer", true);
    await storageClass(lab, "other");
    const classOf = async (name: string, storageClassName?: string): Promise<unknown> => {
      const spec = { ...claim().spec, ...(storageClassName === undefined ? {} : { storageClassName }) };
      return (await lab.client.create(persistentVolumeClaims, claim(name, { spec }))).spec?.storageClassName;
    };
    expect([await classOf("a"), await classOf("b", "other"), await classOf("c", "")]).toEqual(["newer", "other", ""]);
  });

  it("has a spec that cannot change, but for the volume's name, once", async () => {
    const { client } = testLab();
    await client.create(persistentVolumeClaims, claim());
    const patch = (spec: object): Promise<unknown> => client.patchMerge(persistentVolumeClaims, data, { spec });
    expect(await refused(patch({ accessModes: ["ReadWriteMany"] }))).toMatchObject({
      code: 422,
      message:
        'PersistentVolumeClaim "data" is invalid: spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
    });
    await patch({ volumeName: "pv-1" });
    expect(fields(await refused(patch({ volumeName: "pv-2" })))).toEqual(["spec"]);
    expect(fields(await refused(patch({ resources: { requests: { storage: "2Gi" } } })))).toEqual(["spec"]);
  });

  it("may be given a class later if it had none, and never another", async () => {
    const { client } = testLab();
    await client.create(persistentVolumeClaims, claim());
    const patch = (name: string): Promise<unknown> =>
      client.patchMerge(persistentVolumeClaims, data, { spec: { storageClassName: name } });
    await patch("a");
    expect(fields(await refused(patch("b")))).toEqual(["spec"]);
  });

  it("may not grow when its class does not allow it", async () => {
    const { client } = testLab();
    await client.create(persistentVolumeClaims, claim());
    const status = { phase: "Bound", capacity: { storage: "1Gi" } };
    await client.patchMerge(persistentVolumeClaims, data, { status }, { subresource: "status" });
    const spec = { resources: { requests: { storage: "2Gi" } } };
    expect(await refused(client.patchMerge(persistentVolumeClaims, data, { spec }))).toMatchObject({ code: 403 });
  });

  it("may grow when it is bound, and shrink only above its capacity", async () => {
    const { client } = testLab();
    const { spec } = claim();
    await client.create(persistentVolumeClaims, claim("data", { spec: { ...spec, storageClassName: "grows" } }));
    const status = { phase: "Bound", capacity: { storage: "1Gi" } };
    await client.patchMerge(persistentVolumeClaims, data, { status }, { subresource: "status" });
    const grows = { provisioner: "example.com/p", allowVolumeExpansion: true };
    await client.create(storageClasses, { metadata: { name: "grows" }, ...grows });
    const size = (storage: string): Promise<unknown> =>
      client.patchMerge(persistentVolumeClaims, data, { spec: { resources: { requests: { storage } } } });
    await size("4Gi");
    await size("2Gi");
    expect(fields(await refused(size("1Gi")))).toEqual(["spec.resources.requests.storage"]);
  });
});

describe("a volume", () => {
  it("is given a policy, a mode, its finalizer and the phase Pending", async () => {
    const made = await testLab().client.create(persistentVolumes, volume());
    expect(made).toMatchObject({
      metadata: { finalizers: ["kubernetes.io/pv-protection"] },
      spec: {
        persistentVolumeReclaimPolicy: "Retain",
        volumeMode: "Filesystem",
        hostPath: { path: "/data/one", type: "" },
      },
      status: { phase: "Pending", lastPhaseTransitionTime: "2030-01-01T00:00:00Z" },
    });
  });

  it("keeps where it is for ever, and its node affinity once it has one", async () => {
    const { client } = testLab();
    const { nodeAffinity, ...spec } = volume().spec ?? {};
    await client.create(persistentVolumes, volume("pv-1", { spec }));
    const patch = (change: object): Promise<unknown> => client.patchMerge(persistentVolumes, pv, { spec: change });
    expect(await refused(patch({ hostPath: { path: "/data/two" } }))).toMatchObject({
      details: { causes: [{ reason: "FieldValueForbidden", field: "spec.persistentvolumesource" }] },
    });
    await patch({ nodeAffinity });
    expect(fields(await refused(patch({ nodeAffinity: null })))).toEqual(["nodeAffinity"]);
    expect(fields(await refused(patch({ volumeMode: "Block" })))).toEqual(["volumeMode"]);
    await patch({ persistentVolumeReclaimPolicy: "Delete", capacity: { storage: "2Gi" }, claimRef: { name: "data" } });
  });

  it.each([
    [{ local: { path: "/x" }, hostPath: null, nodeAffinity: null }, ["spec.nodeAffinity"]],
    [{ hostPath: null }, ["spec"]],
    [{ local: { path: "/x" } }, ["spec.local"]],
    [{ capacity: null }, ["spec.capacity", "spec.capacity"]],
    [{ accessModes: ["Sometimes"] }, ["spec.accessModes"]],
    [{ persistentVolumeReclaimPolicy: "Keep" }, ["spec.persistentVolumeReclaimPolicy"]],
    [{ hostPath: { path: "/a/../b" } }, ["spec.hostPath.path"]],
    [{ nodeAffinity: {} }, ["spec.nodeAffinity.required"]],
  ])("is refused with %j", async (change, expected) => {
    const { kube } = testLab();
    const body = { ...volume(), spec: { ...volume().spec, ...change } };
    const error = await refused(kube.request({ method: "POST", path: "/api/v1/persistentvolumes", body }));
    expect([error.code, fields(error)]).toEqual([422, expected]);
  });

  it("dates its changes of phase", async () => {
    const { client, clock } = testLab();
    await client.create(persistentVolumes, volume());
    await clock.advance(5000);
    const bound = await client.patchMerge(
      persistentVolumes,
      pv,
      { status: { phase: "Bound" } },
      { subresource: "status" },
    );
    expect(bound.status).toMatchObject({ phase: "Bound", lastPhaseTransitionTime: "2030-01-01T00:00:05Z" });
  });
});

describe("a pod", () => {
  it("is filled in as on a stock cluster", async () => {
    const made = await testLab().client.create(pods, pod());
    expect(made.spec).toMatchObject({
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      dnsPolicy: "ClusterFirst",
      serviceAccountName: "default",
      serviceAccount: "default",
      schedulerName: "default-scheduler",
      priority: 0,
      preemptionPolicy: "PreemptLowerPriority",
      enableServiceLinks: true,
      tolerations: [
        { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
        { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
      ],
    });
    expect(made.spec?.containers[0]).toMatchObject({ imagePullPolicy: "IfNotPresent", resources: {} });
    expect(made.spec?.containers[0]?.volumeMounts?.[0]?.mountPath).toBe(
      "/var/run/secrets/kubernetes.io/serviceaccount",
    );
    expect(made.status).toEqual({ phase: "Pending", qosClass: "BestEffort" });
  });

  it("mounts no token if it says so", async () => {
    const made = await testLab().client.create(pods, pod("web", { spec: { automountServiceAccountToken: false } }));
    expect(made.spec?.volumes).toBeUndefined();
  });

  it("takes its priority from a class that exists", async () => {
    const { client } = testLab();
    const critical = await client.create(pods, pod("a", { spec: { priorityClassName: "system-node-critical" } }));
    expect(critical.spec?.priority).toBe(2_000_001_000);
    expect(await refused(client.create(pods, pod("b", { spec: { priorityClassName: "none" } })))).toMatchObject({
      code: 403,
      message: 'pods "b" is forbidden: no PriorityClass with name none was found',
    });
  });

  it("needs its service account", async () => {
    const error = await refused(testLab().client.create(pods, pod("a", { spec: { serviceAccountName: "none" } })));
    expect(error).toMatchObject({
      code: 403,
      message: 'pods "a" is forbidden: error looking up service account default/none: serviceaccount "none" not found',
    });
  });

  it("may change its images and little else", async () => {
    const { client } = testLab();
    await client.create(pods, pod());
    const web = { namespace: "default", name: "web" };
    await client.patchJson(pods, web, [{ op: "replace", path: "/spec/containers/0/image", value: "busybox:2" }]);
    expect(fields(await refused(client.patchMerge(pods, web, { spec: { nodeName: "n" } })))).toEqual(["spec"]);
    const more = [{ op: "add", path: "/spec/containers/-", value: { name: "b", image: "i" } }] as const;
    expect(fields(await refused(client.patchJson(pods, web, more)))).toEqual(["spec.containers"]);
  });

  it("is refused for a mount without a volume", async () => {
    const containers = [{ name: "a", image: "i", volumeMounts: [{ name: "v", mountPath: "/v" }] }];
    const error = await refused(testLab().client.create(pods, pod("web", { spec: { containers } })));
    expect(fields(error)).toEqual(["spec.containers[0].volumeMounts[0].name"]);
  });

  it.each([
    [{ limits: { cpu: "1", memory: "1Gi" } }, "Guaranteed"],
    [{ requests: { cpu: "1" } }, "Burstable"],
    [{}, "BestEffort"],
  ])("with resources %j is %s", async (resources, expected) => {
    const containers = [{ name: "a", image: "i", resources }];
    const made = await testLab().client.create(pods, pod("web", { spec: { containers } }));
    expect(made.status?.qosClass).toBe(expected);
  });
});

describe("other kinds", () => {
  it("a StorageClass keeps provisioner, parameters, policy and mode", async () => {
    const lab = testLab();
    await storageClass(lab, "a");
    const change = {
      provisioner: "x",
      parameters: { a: "b" },
      reclaimPolicy: "Retain",
      volumeBindingMode: "WaitForFirstConsumer",
    };
    expect(fields(await refused(lab.client.patchMerge(storageClasses, { name: "a" }, change)))).toEqual([
      "parameters",
      "provisioner",
      "reclaimPolicy",
      "volumeBindingMode",
    ]);
    await lab.client.patchMerge(storageClasses, { name: "a" }, { allowVolumeExpansion: true });
  });

  it("a workload's selector must select its template, and stays", async () => {
    const { kube } = testLab();
    const path = "/apis/apps/v1/namespaces/default/deployments";
    const body = (label: string): object => ({
      metadata: { name: "d" },
      spec: {
        selector: { matchLabels: { app: "a" } },
        template: { metadata: { labels: { app: label } }, spec: { containers: [{ name: "c", image: "i" }] } },
      },
    });
    expect(fields(await refused(kube.request({ method: "POST", path, body: body("b") })))).toEqual([
      "spec.template.metadata.labels",
    ]);
    expect(await kube.request({ method: "POST", path, body: body("a") })).toMatchObject({
      metadata: { generation: 1 },
      spec: {
        replicas: 1,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%" } },
        progressDeadlineSeconds: 600,
      },
    });
  });

  it("a node comes with its status", async () => {
    const { client } = testLab();
    const made = await client.create(nodes, { metadata: { name: "n" }, status: { capacity: { cpu: "4" } } });
    expect(made.status).toMatchObject({ capacity: { cpu: "4" }, allocatable: { cpu: "4" } });
  });

  it("an event stands in the namespace of what it is about", async () => {
    const { client } = testLab();
    const event = (namespace: string, about: { kind: string; namespace?: string }) =>
      client.create(events, { metadata: { name: "e", namespace }, involvedObject: { name: "x", ...about } });
    expect(fields(await refused(event("default", { kind: "Pod", namespace: "kube-system" })))).toEqual([
      "involvedObject.namespace",
    ]);
    expect(fields(await refused(event("kube-public", { kind: "Node" })))).toEqual(["involvedObject.namespace"]);
    await event("default", { kind: "Node" });
  });
});
