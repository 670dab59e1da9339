import { setMaxListeners } from "node:events";
import { afterEach, expect, test } from "vitest";
import { manualClock, settle } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeError } from "../../kube/errors.ts";
import type { Event, Node, PersistentVolume, PersistentVolumeClaim, Pod } from "../../kube/kinds.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { silentLog } from "../../observe/log.ts";
import { LabKube } from "../api/testing/lab-kube.fixture.ts";
import { CsiDrivers } from "./csi-drivers.ts";
import { Kubelet } from "./kubelet.ts";
import { MemoryNodeFiles } from "./memory-node-files.ts";
import type { ContainerRun } from "./runtimes/runtime.ts";
import { ScriptedRuntime, type Play } from "./runtimes/scripted-runtime.ts";

const PODS = "/api/v1/namespaces/default/pods/";
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function start(play: (run: ContainerRun) => Play = () => ({ does: "run" })) {
  const clock = manualClock();
  const kube = new LabKube({ clock });
  const files = new MemoryNodeFiles();
  const runtime = new ScriptedRuntime({ clock, log: silentLog }, play);
  const effects = { clock, random: seededRandom(), log: silentLog };
  const csi = new CsiDrivers();
  const begin = (): (() => Promise<void>) => {
    const end = new AbortController();
    setMaxListeners(0, end.signal);
    const running = new Kubelet(kube, effects, { name: "a", files, runtime, csi }).run(end.signal);
    return async () => {
      end.abort();
      await running;
    };
  };
  let stop = begin();
  stops.push(() => stop());
  await settle();
  const pod = (name: string) => kube.at(`${PODS}${name}`) as Pod | undefined;
  return {
    kube,
    clock,
    csi,
    files,
    pod,
    restart: async () => {
      await stop();
      stop = begin();
      await settle();
    },
    putPod: (name: string, spec: Partial<NonNullable<Pod["spec"]>> = {}) => {
      kube.put(`${PODS}${name}`, {
        metadata: { name, namespace: "default" },
        spec: {
          nodeName: "a",
          containers: [{ name: "main", image: "x" }],
          automountServiceAccountToken: false,
          ...spec,
        },
        status: { phase: "Pending" },
      } as Pod);
    },
    said: (name: string) =>
      kube
        .list("/api/v1/events")
        .map((object) => object as Event)
        .filter((event) => event.involvedObject.name === name && event.type === "Warning")
        .map((event) => `${event.reason ?? ""}: ${event.message ?? ""}`),
    ready: (name: string) => pod(name)?.status?.conditions?.find(({ type }) => type === "Ready")?.status,
  };
}

test("it registers its node, with its default labels, and renews its lease", async () => {
  const on = await start();
  const node = on.kube.at("/api/v1/nodes/a") as Node;
  expect(node.metadata?.labels?.["kubernetes.io/hostname"]).toBe("a");
  expect(node.status?.conditions?.find(({ type }) => type === "Ready")?.status).toBe("True");
  const lease = () => on.kube.at("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/a");
  const before = lease()?.metadata?.resourceVersion;
  await on.clock.advance(10_000);
  expect(lease()?.metadata?.resourceVersion).not.toBe(before);
});

test("a pod runs and is Ready when its container says so", async () => {
  const on = await start(() => ({ does: "run", readyAfterMs: 2_000 }));
  on.putPod("p");
  await settle();
  expect(on.pod("p")?.status?.phase).toBe("Running");
  expect(on.ready("p")).toBe("False");
  await on.clock.advance(2_000);
  expect(on.ready("p")).toBe("True");
  expect(on.pod("p")?.status?.podIP).toBe("10.244.0.2");
});

test("a status that the server refuses with a conflict is written again", async () => {
  const on = await start();
  let refusals = 3;
  on.kube.intercept = ({ method, path }) => {
    if (method !== "PATCH" || !path.endsWith("/p/status") || refusals === 0) return;
    refusals -= 1;
    throw new KubeError({ code: 409, reason: "Conflict", message: "the server reported a conflict" });
  };
  on.putPod("p");
  await on.clock.advance(4_000);
  expect(on.pod("p")?.status?.phase).toBe("Running");
});

test("a pod that is not restarted ends as its container does, and what the container did is on the node", async () => {
  const on = await start(({ container }) =>
    container.name === "main"
      ? {
          does: "exit",
          afterMs: 700,
          code: 0,
          effect: ({ files, mounts }) => files.makeDirectories(`${mounts[0]?.source ?? ""}/pvc-1`),
        }
      : { does: "exit", afterMs: 0, code: 3, log: "no room\n" },
  );
  const volumes = [{ name: "data", hostPath: { path: "/opt/x", type: "DirectoryOrCreate" } }];
  const volumeMounts = [{ name: "data", mountPath: "/data" }];
  on.putPod("good", {
    restartPolicy: "Never",
    volumes,
    containers: [{ name: "main", image: "x", volumeMounts }],
  });
  on.putPod("bad", { restartPolicy: "Never", containers: [{ name: "fails", image: "x" }] });
  await on.clock.advance(1_000);
  expect(on.pod("good")?.status?.phase).toBe("Succeeded");
  expect(on.files.names("/opt/x")).toEqual(["pvc-1"]);
  expect(on.pod("bad")?.status).toMatchObject({
    phase: "Failed",
    containerStatuses: [{ state: { terminated: { exitCode: 3, reason: "Error" } } }],
  });
});

test("a pod whose deadline passes has Failed once its containers have ended, and stays until it is deleted", async () => {
  const on = await start(({ container }) =>
    container.name === "pulls" ? { does: "never-starts" } : { does: "run", endsAfterMs: 4_000 },
  );
  on.putPod("runs", { restartPolicy: "Never" });
  on.putPod("waits", { restartPolicy: "Never", containers: [{ name: "pulls", image: "x" }] });
  on.putPod("later", { activeDeadlineSeconds: 60 });
  await on.clock.advance(9_000);
  for (const name of ["runs", "waits"]) {
    const pod = on.pod(name);
    on.kube.put(`${PODS}${name}`, { ...pod, spec: { ...pod?.spec, activeDeadlineSeconds: 1 } } as Pod);
  }
  await settle();
  const failed = { phase: "Failed", reason: "DeadlineExceeded" };
  expect(on.pod("runs")?.status?.phase).toBe("Running");
  const unknown = { exitCode: 137, reason: "ContainerStatusUnknown" };
  expect(on.pod("waits")?.status).toMatchObject({
    ...failed,
    containerStatuses: [{ state: { terminated: unknown } }],
  });
  await on.clock.advance(4_000);
  expect(on.pod("runs")?.status).toMatchObject(failed);
  expect(on.pod("runs")?.status?.containerStatuses?.[0]?.state?.terminated?.startedAt).toBeDefined();
  await on.restart();
  // Counted from the pod's start, not from the kubelet's.
  await on.clock.advance(46_999);
  expect(on.pod("later")?.status?.phase).toBe("Running");
  await on.clock.advance(4_001);
  expect(on.pod("later")?.status).toMatchObject(failed);
  expect([on.pod("runs")?.status?.reason, on.pod("waits")?.status?.reason]).toEqual([failed.reason, failed.reason]);
});

test("a container that always ends is restarted at once, then after 10 s, then after 20 s", async () => {
  const on = await start(() => ({ does: "exit", afterMs: 0, code: 1 }));
  on.putPod("p");
  const restarts = () => on.pod("p")?.status?.containerStatuses?.[0]?.restartCount;
  await on.clock.advance(1);
  expect(restarts()).toBe(1);
  expect(on.pod("p")?.status?.containerStatuses?.[0]?.state?.waiting?.reason).toBe("CrashLoopBackOff");
  await on.clock.advance(10_000);
  expect(restarts()).toBe(2);
  await on.clock.advance(19_000);
  expect(restarts()).toBe(2);
  await on.clock.advance(2_000);
  expect(restarts()).toBe(3);
});

test("an image that cannot be pulled and a container that never starts leave their pods Pending", async () => {
  const on = await start(({ container }) => ({
    does: container.name === "main" ? "image-pull-fails" : "never-starts",
  }));
  on.putPod("image");
  on.putPod("stuck", { containers: [{ name: "other", image: "x" }] });
  await on.clock.advance(5_000);
  expect(on.pod("image")?.status).toMatchObject({
    phase: "Pending",
    containerStatuses: [{ state: { waiting: { reason: "ImagePullBackOff" } } }],
  });
  expect(on.pod("stuck")?.status).toMatchObject({
    phase: "Pending",
    containerStatuses: [{ state: { waiting: { reason: "ContainerCreating" } } }],
  });
  await on.kube.delete(`${PODS}stuck`);
  await settle();
  expect(on.pod("stuck")).toBeUndefined();
});

test("a deleted pod gets its grace, and is gone when its containers are", async () => {
  const on = await start(() => ({ does: "run", endsAfterMs: 5_000 }));
  on.putPod("p", { terminationGracePeriodSeconds: 20 });
  await settle();
  await on.kube.delete(`${PODS}p`);
  await on.clock.advance(4_900);
  expect(on.pod("p")).toBeDefined();
  await on.clock.advance(200);
  expect(on.pod("p")).toBeUndefined();
});

test("a pod waits for its claim, and a volume that is not for this node is said to be so until a label makes it", async () => {
  const on = await start();
  const claimPath = "/api/v1/namespaces/default/persistentvolumeclaims/c";
  const claim = (phase: string, volumeName?: string) =>
    on.kube.put(claimPath, {
      metadata: { name: "c", namespace: "default", uid: "u" },
      spec: {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "1Gi" } },
        ...(volumeName === undefined ? {} : { volumeName }),
      },
      status: { phase },
    } as PersistentVolumeClaim);
  claim("Pending");
  on.putPod("p", { volumes: [{ name: "data", persistentVolumeClaim: { claimName: "c" } }] });
  await on.clock.advance(1_000);
  expect(on.said("p")).toEqual([]);
  const terms = [{ matchExpressions: [{ key: "volume", operator: "In", values: ["here"] }] }];
  on.kube.put("/api/v1/persistentvolumes/v", {
    metadata: { name: "v" },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      local: { path: "/mnt/v" },
      claimRef: { name: "c", namespace: "default", uid: "u" },
      nodeAffinity: { required: { nodeSelectorTerms: terms } },
    },
  } as PersistentVolume);
  claim("Bound", "v");
  await on.clock.advance(2_000);
  expect(on.said("p")).toEqual([
    'FailedMount: MountVolume.NodeAffinity check failed for volume "v" : no matching NodeSelectorTerms',
  ]);
  const node = on.kube.at("/api/v1/nodes/a") as Node;
  on.kube.put("/api/v1/nodes/a", { ...node, metadata: { ...node.metadata, labels: { volume: "here" } } });
  await on.clock.advance(10_000);
  expect(on.said("p").at(-1)).toBe(
    'FailedMount: MountVolume.NewMounter initialization failed for volume "v" : path "/mnt/v" does not exist',
  );
  await on.files.makeDirectories("/mnt/v");
  await on.clock.advance(30_000);
  expect(on.pod("p")?.status?.phase).toBe("Running");
});

/** A bound claim `c` of a volume of the driver `d`. */
function putClaim(on: Awaited<ReturnType<typeof start>>): void {
  const claimRef = { name: "c", namespace: "default", uid: "u" };
  const accessModes = ["ReadWriteOnce"];
  const spec = { claimRef, accessModes, capacity: { storage: "1Gi" }, csi: { driver: "d", volumeHandle: "h" } };
  on.kube.put("/api/v1/persistentvolumes/v", { metadata: { name: "v" }, spec } as PersistentVolume);
  on.kube.put("/api/v1/namespaces/default/persistentvolumeclaims/c", {
    metadata: { name: "c", namespace: "default", uid: "u" },
    spec: { accessModes, resources: { requests: { storage: "1Gi" } }, volumeName: "v" },
    status: { phase: "Bound" },
  } as PersistentVolumeClaim);
}

test("a CSI volume of a pod that has finished is unpublished while the pod is still there", async () => {
  const on = await start(() => ({ does: "exit", afterMs: 700, code: 0 }));
  const calls: string[] = [];
  on.csi.register("d", {
    publish: ({ targetPath }) => on.files.makeDirectories(targetPath),
    unpublish: async () => void calls.push(`unpublish, ${on.pod("p")?.status?.phase ?? ""}`),
    stats: () => Promise.reject(new Error("not asked")),
  });
  putClaim(on);
  on.putPod("p", { restartPolicy: "Never", volumes: [{ name: "data", persistentVolumeClaim: { claimName: "c" } }] });
  await on.clock.advance(500);
  expect(calls).toEqual([]);
  await on.clock.advance(1_000);
  expect(calls).toEqual(["unpublish, Succeeded"]);
  expect(on.pod("p")?.metadata?.deletionTimestamp).toBeUndefined();
});

test("a CSI volume is published before its pod starts, and unpublished before the pod's object goes, also over a restart", async () => {
  const on = await start();
  const calls: string[] = [];
  let busy = true;
  on.csi.register("d", {
    publish: async ({ targetPath }) => {
      calls.push(`publish, ${on.pod("p")?.status?.phase ?? ""}`);
      await on.files.makeDirectories(targetPath);
    },
    unpublish: () => {
      calls.push(`unpublish, grace ${String(on.pod("p")?.metadata?.deletionGracePeriodSeconds)}`);
      return busy ? Promise.reject(new Error("busy")) : Promise.resolve();
    },
    stats: () => Promise.reject(new Error("not asked")),
  });
  putClaim(on);
  on.putPod("p", {
    terminationGracePeriodSeconds: 20,
    volumes: [{ name: "data", persistentVolumeClaim: { claimName: "c" } }],
  });
  await on.clock.advance(1_000);
  const pod = on.pod("p");
  expect(pod?.status?.phase).toBe("Running");
  // The finalizer keeps the object: so the kubelet's DELETE, with grace 0, shows in it.
  on.kube.put(`${PODS}p`, { ...pod, metadata: { ...pod?.metadata, finalizers: ["test/seen"] } } as Pod);
  await on.kube.delete(`${PODS}p`);
  await on.clock.advance(400);
  expect(calls).toEqual(["publish, Pending", "unpublish, grace 20"]);
  await on.restart();
  busy = false;
  await on.clock.advance(1_000);
  expect(calls.at(-1)).toBe("unpublish, grace 20");
  expect(on.pod("p")?.metadata?.deletionGracePeriodSeconds).toBe(0);
});

test("a ConfigMap's files follow it about a minute late", async () => {
  const on = await start();
  const put = (text: string) =>
    on.kube.put("/api/v1/namespaces/default/configmaps/m", {
      metadata: { name: "m", namespace: "default" },
      data: { "a.json": text },
    } as never);
  put("one");
  on.putPod("p", { volumes: [{ name: "config", configMap: { name: "m" } }] });
  await settle();
  const uid = on.pod("p")?.metadata?.uid ?? "";
  const file = `/var/lib/kubelet/pods/${uid}/volumes/kubernetes.io~configmap/config/a.json`;
  expect(on.files.text(file)).toBe("one");
  put("two");
  await on.clock.advance(30_000);
  expect(on.files.text(file)).toBe("one");
  await on.clock.advance(30_000);
  expect(on.files.text(file)).toBe("two");
});

test("a kubelet that is started again takes over what runs", async () => {
  let starts = 0;
  const on = await start(() => {
    starts += 1;
    return { does: "run" };
  });
  on.putPod("p");
  await settle();
  const before = on.pod("p")?.status;
  await on.restart();
  expect(on.pod("p")?.status?.phase).toBe("Running");
  expect(on.pod("p")?.status?.containerStatuses).toEqual(before?.containerStatuses);
  expect(starts).toBe(1);
  await on.kube.delete(`${PODS}p`);
  await settle();
  expect(on.pod("p")).toBeUndefined();
});

test("a pod that is deleted by force is killed, and one of the same name begins after it", async () => {
  const on = await start();
  on.putPod("p");
  await settle();
  on.kube.remove(`${PODS}p`);
  on.putPod("p");
  await settle();
  expect(on.pod("p")?.status?.phase).toBe("Running");
});
