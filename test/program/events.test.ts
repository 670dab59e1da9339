import { afterEach, expect, test } from "vitest";
import type { PersistentVolume, Pod } from "../../src/kube/kinds.ts";
import { startApi, type ApiServer } from "./api.fixture.ts";
import { openWorkshop, type Running, type Workshop } from "./program.fixture.ts";

/*
 * What the running program says about claims and volumes it cannot serve, as a user sees it: the
 * events. The texts are the contract of local-path-provisioner. Its main function runs in this
 * process; the shipped program says one of each.
 */

const NAMESPACE = "local-path-storage";
const TEMPLATE = "metadata: {name: helper-pod}\nspec: {containers: [{name: helper-pod, image: busybox}]}\n";
const LOCAL = {
  nodePathMap: [
    { node: "a", paths: ["/data"] },
    { node: "empty", paths: [] },
  ],
};
const SHARED = { sharedFileSystemPath: "/shared" };

const open: { api: ApiServer; shop: Workshop }[] = [];
afterEach(async () => {
  for (const { api, shop } of open.splice(0)) {
    await shop.close();
    await api.close();
  }
});

interface World {
  readonly api: ApiServer;
  readonly program: Running;
  /**
   * Waits for an event about an object whose message contains `text`, and gives its type and
   * reason.
   */
  event(about: string, text: string): Promise<string>;
  putClass(name: string, parameters?: Record<string, string>, more?: object): void;
  putClaim(name: string, change?: { spec?: object; annotations?: Record<string, string>; labels?: object }): void;
  /** Also one that a server of today would refuse. */
  putVolume(name: string, spec: object, annotations?: Record<string, string>): void;
}

async function start(config: object, how: "start" | "startProcess" = "start"): Promise<World> {
  const api = await startApi();
  const shop = await openWorkshop(api.url);
  open.push({ api, shop });
  const { kube } = api;
  kube.put(`/api/v1/namespaces/${NAMESPACE}/configmaps/local-path-config`, {
    metadata: { name: "local-path-config", namespace: NAMESPACE },
    data: { "helperPod.yaml": TEMPLATE },
  } as never);
  kube.put(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts/local-path-provisioner-service-account`, {});
  for (const name of ["a", "empty", "unlisted"]) {
    kube.put(`/api/v1/nodes/${name}`, {
      metadata: { name, labels: { "kubernetes.io/hostname": name } },
      status: { conditions: [{ type: "Ready", status: "True" }] },
    } as never);
  }
  const program = await shop[how]([
    "start",
    "--kubeconfig",
    shop.kubeconfig,
    "--health-port",
    "0",
    "--config",
    JSON.stringify(config),
  ]);
  const events = (): { about: string; type: string; reason: string; message: string }[] =>
    kube.list("/api/v1/events").map((object) => {
      const event = object as never as {
        involvedObject: { kind: string; name: string };
        type: string;
        reason: string;
        message: string;
      };
      return { ...event, about: `${event.involvedObject.kind} ${event.involvedObject.name}` };
    });
  return {
    api,
    program,
    event: async (about, text) => {
      const matches = (): ReturnType<typeof events> =>
        events().filter((event) => event.about === about && event.message.includes(text));
      try {
        await until(api, () => matches().length > 0);
      } catch (cause) {
        const seen = JSON.stringify({ events: events(), log: program.lines });
        throw new Error(`no event on ${about} says "${text}"; seen: ${seen}`, { cause });
      }
      const [found] = matches();
      return `${found?.type ?? ""} ${found?.reason ?? ""}`;
    },
    putClass: (name, parameters = {}, more = {}) => {
      kube.put(`/apis/storage.k8s.io/v1/storageclasses/${name}`, {
        metadata: { name },
        provisioner: "rancher.io/local-path",
        reclaimPolicy: "Delete",
        volumeBindingMode: "WaitForFirstConsumer",
        parameters,
        ...more,
      } as never);
    },
    putClaim: (name, change = {}) => {
      kube.put(`/api/v1/namespaces/default/persistentvolumeclaims/${name}`, {
        metadata: {
          name,
          namespace: "default",
          uid: `0f0f0f0f-0000-4000-8000-${name.padStart(12, "0")}`,
          labels: change.labels ?? {},
          annotations: {
            "volume.kubernetes.io/storage-provisioner": "rancher.io/local-path",
            "volume.kubernetes.io/selected-node": "a",
            ...change.annotations,
          },
        },
        spec: {
          accessModes: ["ReadWriteOnce"],
          storageClassName: "c",
          resources: { requests: { storage: "1Gi" } },
          ...change.spec,
        },
        status: { phase: "Pending" },
      } as never);
    },
    putVolume: (name, spec, annotations = {}) => {
      kube.putUnruled(`/api/v1/persistentvolumes/${name}`, {
        metadata: { name, annotations: { "pv.kubernetes.io/provisioned-by": "rancher.io/local-path", ...annotations } },
        spec: {
          persistentVolumeReclaimPolicy: "Delete",
          storageClassName: "c",
          capacity: { storage: "1Gi" },
          accessModes: ["ReadWriteOnce"],
          claimRef: { namespace: "default", name: "gone", uid: "gone" },
          ...spec,
        },
        status: { phase: "Released" },
      } as never as PersistentVolume);
    },
  };
}

const CLAIM = "PersistentVolumeClaim 1";

test.each<[string, object, Record<string, string>, Parameters<World["putClaim"]>[1], string]>([
  [
    "a selector",
    LOCAL,
    {},
    { spec: { selector: { matchLabels: { a: "b" } } } },
    'failed to provision volume with StorageClass "c": claim.Spec.Selector is not supported',
  ],
  [
    "ReadWriteMany on local paths",
    LOCAL,
    {},
    { spec: { accessModes: ["ReadWriteMany"] } },
    'failed to provision volume with StorageClass "c": NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes',
  ],
  [
    "a block volume",
    LOCAL,
    {},
    { spec: { volumeMode: "Block" } },
    "rancher.io/local-path does not support block volume provisioning",
  ],
  [
    "a clone",
    LOCAL,
    {},
    { spec: { dataSource: { kind: "PersistentVolumeClaim", name: "x" } } },
    'cannot fill a volume from PersistentVolumeClaim "x"',
  ],
  [
    "a snapshot",
    LOCAL,
    {},
    { spec: { dataSourceRef: { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "x" } } },
    'cannot fill a volume from VolumeSnapshot "x"',
  ],
  [
    "a node without paths",
    LOCAL,
    {},
    { annotations: { "volume.kubernetes.io/selected-node": "empty" } },
    "no local path available on node empty",
  ],
  [
    "a node that is not configured",
    LOCAL,
    {},
    { annotations: { "volume.kubernetes.io/selected-node": "unlisted" } },
    "config doesn't contain node unlisted, and no DEFAULT_PATH_FOR_NON_LISTED_NODES available",
  ],
  [
    "a node that is gone",
    LOCAL,
    {},
    { annotations: { "volume.kubernetes.io/selected-node": "gone" } },
    'failed to get target node: nodes "gone" not found',
  ],
  [
    "a nodePath that is not configured",
    LOCAL,
    { nodePath: "/other" },
    {},
    "config doesn't contain path /other on node a",
  ],
  ["a configuration with nothing", {}, {}, {}, "both nodePathMap and sharedFileSystemPath are unconfigured"],
  [
    "a configuration with both",
    { ...LOCAL, ...SHARED },
    {},
    {},
    "both nodePathMap and sharedFileSystemPath are defined. Please make sure only one is in use",
  ],
  [
    "a class that is not configured",
    { storageClassConfigs: { other: LOCAL } },
    {},
    {},
    "BUG: Got request for unexpected storage class c",
  ],
  [
    "an unknown volume type",
    LOCAL,
    {},
    { annotations: { volumeType: "tape" } },
    'failed to create persistent volume source: "tape" is not a recognised volume type',
  ],
  [
    "a pattern that does not parse",
    LOCAL,
    { pathPattern: "{{ .PVC.Name" },
    {},
    "failed to create path from pattern {{ .PVC.Name: template: ",
  ],
  [
    "a pattern outside its prefix",
    LOCAL,
    { pathPattern: "{{ .PVC.Name }}" },
    {},
    "pathPattern must start with {{ .PVC.Namespace }}/{{ .PVC.Name }}/: 1",
  ],
  [
    "a pattern that climbs",
    LOCAL,
    { pathPattern: "{{ .PVC.Namespace }}/{{ .PVC.Name }}/../../other/victim" },
    {},
    "folder path contains invalid references: default/1/../../other/victim",
  ],
  [
    "a pattern over a label that is not there",
    LOCAL,
    { pathPattern: "{{ .PVC.Namespace }}/{{ .PVC.Name }}/{{ .PVC.Labels.app }}" },
    {},
    "folder path contains invalid references: default/1/<no value>",
  ],
  [
    "a user pattern over a label that is not there",
    LOCAL,
    { userPattern: "{{ .PVC.Labels.user }}" },
    {},
    "failed to create user from pattern {{ .PVC.Labels.user }}: ",
  ],
  [
    "a group pattern that does not parse",
    LOCAL,
    { groupPattern: "{{" },
    {},
    'failed to provision volume with StorageClass "c": failed to create group from pattern {{: ',
  ],
  [
    "a mode pattern over a label that is not there",
    LOCAL,
    { permPattern: "{{ .PVC.Labels.mode }}" },
    {},
    "failed to create perm from pattern {{ .PVC.Labels.mode }}: ",
  ],
  ["a shared path that is relative", { sharedFileSystemPath: "shared" }, {}, {}, " is not absolute"],
  [
    "a volume directly below the root",
    { sharedFileSystemPath: "/" },
    {},
    {},
    "invalid path create for /pvc-0f0f0f0f-0000-4000-8000-000000000001_default_1: cannot find parent dir or volume dir or parent dir is relative",
  ],
])("a claim with %s hears why in an event", async (_, config, parameters, change, text) => {
  const world = await start(config);
  world.putClass("c", parameters);
  world.putClaim("1", change);
  expect(await world.event(CLAIM, text)).toBe("Warning ProvisioningFailed");
  expect(world.api.kube.list("/api/v1/persistentvolumes").filter((v) => v.metadata?.name?.startsWith("pvc-"))).toEqual(
    [],
  );
});

test("an Immediate claim for which no node will do hears why in an event", async () => {
  const world = await start({ nodePathMap: [{ node: "empty", paths: [] }] });
  world.putClass("c", {}, { volumeBindingMode: "Immediate" });
  world.putClaim("1", { annotations: { "volume.kubernetes.io/selected-node": "" } });
  expect(await world.event(CLAIM, "configuration error, no node was specified")).toBe("Warning ProvisioningFailed");
});

test("a helper pod that fails is an event with the end of its output, and one that is stuck is an event at once", async () => {
  const world = await start({ ...LOCAL, cmdTimeoutSeconds: 60 }, "startProcess");
  const { kube } = world.api;
  const pod = `/api/v1/namespaces/${NAMESPACE}/pods/helper-pod-create-pvc-0f0f0f0f-0000-4000-8000-000000000001`;
  kube.api.servePodLogs(() => "mkdir: /data: Read-only file system\n");
  world.putClass("c");
  world.putClaim("1");
  await until(world.api, () => kube.at(pod) !== undefined);
  const created = kube.at(pod) as Pod;
  const waiting = { state: { waiting: { reason: "ImagePullBackOff", message: "no such image" } } };
  kube.put(pod, {
    ...created,
    status: { phase: "Pending", containerStatuses: [{ name: "helper-pod", ...waiting }] },
  } as never);
  expect(await world.event(CLAIM, "ImagePullBackOff")).toBe("Warning HelperPodStuck");
  kube.put(pod, { ...created, status: { phase: "Failed" } } as never);
  expect(await world.event(CLAIM, "mkdir: /data: Read-only file system")).toBe("Warning ProvisioningFailed");
});

test("a helper pod that does not end in time is an event", async () => {
  const world = await start({ ...LOCAL, cmdTimeoutSeconds: 1 });
  world.putClass("c");
  world.putClaim("1");
  const says =
    'failed to provision volume with StorageClass "c": failed to create volume pvc-0f0f0f0f-0000-4000-8000-000000000001: create process timeout after 1 seconds';
  expect(await world.event(CLAIM, says)).toBe("Warning ProvisioningFailed");
});

test("a teardown that does not end in time is an event, and the volume stays", async () => {
  const world = await start({ ...LOCAL, cmdTimeoutSeconds: 1 });
  world.putClass("c");
  const onNode = term({ key: "kubernetes.io/hostname", operator: "In", values: ["a"] });
  world.putVolume("pvc-old", { hostPath: { path: "/data/pvc-old_default_gone" }, ...onNode });
  const says = "failed to delete volume pvc-old: create process timeout after 1 seconds";
  expect(await world.event("PersistentVolume pvc-old", says)).toBe("Warning VolumeFailedDelete");
  expect(world.api.kube.at("/api/v1/persistentvolumes/pvc-old")).toBeDefined();
});

const term = (requirement: object): object => ({
  nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [requirement] }] } },
});
test.each([
  ["no path", { ...term({ key: "kubernetes.io/hostname", operator: "In", values: ["a"] }) }, "no path set"],
  ["no affinity", { hostPath: { path: "/data/x" } }, "no NodeAffinity set"],
  ["an empty affinity", { hostPath: { path: "/data/x" }, nodeAffinity: {} }, "no NodeAffinity.Required set"],
  [
    "several values",
    { hostPath: { path: "/data/x" }, ...term({ key: "kubernetes.io/hostname", operator: "In", values: ["a", "b"] }) },
    "multiple values for the node affinity",
  ],
  [
    "an affinity that names no node",
    { hostPath: { path: "/data/x" }, ...term({ key: "kubernetes.io/hostname", operator: "Exists" }) },
    "cannot find affinited node",
  ],
])("a Released volume with %s hears why in an event and stays", async (_, spec, text) => {
  const world = await start(LOCAL);
  world.putClass("c");
  world.putVolume("pvc-old", spec);
  expect(await world.event("PersistentVolume pvc-old", text)).toBe("Warning VolumeFailedDelete");
  expect(world.api.kube.at("/api/v1/persistentvolumes/pvc-old")).toBeDefined();
});

test("a Released volume whose class is not configured hears why in an event and stays", async () => {
  const world = await start({ storageClassConfigs: { other: LOCAL } }, "startProcess");
  // Without an affinity only the class could say which nodes have the directory.
  world.putVolume("pvc-old", { hostPath: { path: "/data/x" } });
  expect(await world.event("PersistentVolume pvc-old", "BUG: Got request for unexpected storage class c")).toBe(
    "Warning VolumeFailedDelete",
  );
});

/** Looks after every change of an event or a pod whether the condition holds. */
function until({ kube }: ApiServer, condition: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => {
      reject(new Error("did not happen within 120 s"));
    }, 120_000);
    const look = (): void => {
      if (!condition()) return;
      clearTimeout(limit);
      for (const end of ends) end();
      resolve();
    };
    const ends = ["events", "pods"].map((collection) => kube.api.onChange(collection, look));
    look();
  });
}
