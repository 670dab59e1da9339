import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeError } from "../../kube/errors.ts";
import type { Pod } from "../../kube/kinds.ts";
import { PROVISIONER, settings, TestCluster } from "../testing/cluster.fixture.ts";
import { PODS } from "../testing/driver-suite.fixture.ts";
import { CLAIM_UID } from "../testing/objects.fixture.ts";
import { saying } from "../testing/saying.fixture.ts";
import { type HelperAction, helperPod } from "./pods/pod.ts";
import { HelperPodControl } from "./pods/pod-control.ts";
import { HelperRunner } from "./run.ts";

const VOLUME = `pvc-${CLAIM_UID}`;
const CREATE = `helper-pod-create-${VOLUME}`;
const DELETE = `helper-pod-delete-${VOLUME}`;

describe("a helper pod is run to its end", () => {
  let cluster = new TestCluster();
  let stop = new AbortController();
  let reports: string[] = [];
  let lost = 0;
  /** Those of the cluster's own watches. */
  let timers = 0;

  beforeEach(async () => {
    cluster = await new TestCluster().start();
    cluster.kubelet = () => undefined;
    timers = cluster.clock.pending;
    stop = new AbortController();
    reports = [];
    lost = 0;
  });
  afterEach(() => {
    cluster.stop.abort();
    stop.abort();
  });

  function build(action: HelperAction = "create", path = "/opt/lpp/v", node = "node-a"): Pod {
    const { template, config } = settings({});
    return helperPod(
      {
        action,
        volumeName: VOLUME,
        path,
        node,
        shared: false,
        sizeBytes: 1n,
        mode: "Filesystem",
        ownership: { user: "", group: "", perm: "" },
      },
      {
        template,
        config,
        namespace: "local-path-storage",
        configMapName: "c",
        serviceAccountName: "sa",
        provisioner: PROVISIONER,
      },
    );
  }

  /** Starts a run whose end the test can ask for without waiting. */
  function run(pod = build(), timeoutSeconds = 120) {
    const runner = new HelperRunner(cluster, new HelperPodControl(cluster));
    const work = runner.run({
      pod,
      timeoutSeconds,
      shared: false,
      signal: stop.signal,
      report: (message) => reports.push(message),
      lost: () => lost++,
    });
    work.catch(() => undefined);
    return work;
  }

  it("resolves as soon as the watch shows success, without a GET, and leaves the pod", async () => {
    const work = run();
    await settle();
    await cluster.setStatus(CREATE, { phase: "Running" });
    await cluster.setStatus(CREATE, { phase: "Succeeded" });
    expect((await work)?.metadata?.name).toBe(CREATE);
    expect(cluster.pod(CREATE)).toBeDefined();
    expect(cluster.kube.log.filter((line) => line.includes(`/pods/${CREATE}`))).toEqual([]);
    expect(cluster.clock.pending).toBe(timers);
    expect(cluster.lines()).toEqual([`create the helper pod ${CREATE} into local-path-storage`]);
  });

  it("9.3 timeouts for failed scripts: Failed ends it at once, with the end of the helper's output", async () => {
    const work = run();
    await settle();
    cluster.logs.set(CREATE, Array.from({ length: 9 }, (_, at) => `line ${at}`).join("\n"));
    const terminated = { exitCode: 3, reason: "Error" };
    await cluster.setStatus(CREATE, {
      phase: "Failed",
      containerStatuses: [
        { name: "helper-pod", image: "", imageID: "", ready: false, restartCount: 0, state: { terminated } },
      ],
    });
    await expect(work).rejects.toThrow(
      saying(`helper pod ${CREATE} failed (exit code 3): line 4\nline 5\nline 6\nline 7\nline 8`),
    );
    expect(cluster.clock.monotonic()).toBe(0);
    expect(cluster.lines().slice(1)).toEqual([
      `Start of ${CREATE} logs`,
      ...Array.from({ length: 9 }, (_, at) => `line ${at}`),
      `End of ${CREATE} logs`,
    ]);
  });

  describe("what only the pod's events say", () => {
    const EVENTS = "/api/v1/namespaces/local-path-storage/events";
    const missing = 'MountVolume.SetUp failed for volume "script": configmap references non-existent config key: setup';
    function warned(reason: string, message: string, lastTimestamp: string, uid = cluster.pod(CREATE)?.metadata?.uid) {
      const involvedObject = { kind: "Pod", namespace: "local-path-storage", name: CREATE, uid };
      const name = `${reason}-${lastTimestamp}`.replaceAll(":", "-").toLowerCase();
      const event = { metadata: { name }, involvedObject, type: "Warning" };
      cluster.kube.put(`${EVENTS}/${name}`, { ...event, reason, message, lastTimestamp } as never);
    }

    it("is told within seconds, once, with the last word", async () => {
      void run();
      await settle();
      warned("FailedMount", "an older word", "2030-01-01T00:00:01Z");
      warned("FailedMount", missing, "2030-01-01T00:00:02Z");
      warned("FailedScheduling", "0/1 nodes are available", "2030-01-01T00:00:03Z");
      await cluster.clock.advance(5_000);
      expect(reports).toEqual([`helper pod ${CREATE} is waiting: FailedMount: ${missing}`]);
      await cluster.clock.advance(60_000);
      expect(reports).toHaveLength(1);
    });

    it("is looked for until there is some", async () => {
      void run();
      await cluster.clock.advance(6_000);
      warned("FailedMount", missing, "2030-01-01T00:00:06Z");
      await cluster.clock.advance(10_000);
      expect(reports).toHaveLength(1);
    });

    it("is nobody's business once the script runs, or the pod has ended", async () => {
      const work = run();
      await settle();
      warned("FailedMount", missing, "2030-01-01T00:00:01Z");
      await cluster.setStatus(CREATE, { phase: "Running" });
      await cluster.clock.advance(30_000);
      await cluster.setStatus(CREATE, { phase: "Succeeded" });
      await work;
      expect(reports).toEqual([]);
      expect(cluster.kube.log.filter((line) => line.includes(EVENTS))).toEqual([]);
      expect(cluster.clock.pending).toBe(timers);
    });

    it("is not asked for again where the roles do not allow it", async () => {
      void run();
      cluster.kube.intercept = ({ path }) => {
        if (path === EVENTS) throw new KubeError({ code: 403, reason: "Forbidden", message: "no" });
      };
      await cluster.clock.advance(60_000);
      expect(cluster.kube.log.filter((line) => line.endsWith(EVENTS))).toHaveLength(1);
      expect(cluster.lines("warn")).toEqual([]);
    });
  });

  it("a log that cannot be read hides nothing else", async () => {
    const work = run();
    await settle();
    await cluster.setStatus(CREATE, { phase: "Failed", reason: "Evicted", message: "low on disk" });
    await expect(work).rejects.toThrow(saying(`helper pod ${CREATE} failed (Evicted: low on disk)`));
    expect(cluster.lines("error")).toEqual([
      `failed to save ${CREATE} logs: error in opening stream: no kubelet there`,
    ]);
  });

  it("a failed create pod stays as the record of it; a failed delete pod goes", async () => {
    const create = run();
    await settle();
    await cluster.setStatus(CREATE, { phase: "Failed" });
    await expect(create).rejects.toThrow();
    // Somebody may delete it by hand.
    expect(lost).toBe(1);
    const teardown = run(build("delete"));
    await settle();
    await cluster.setStatus(DELETE, { phase: "Failed" });
    await expect(teardown).rejects.toThrow();
    expect(cluster.podNames()).toEqual([CREATE]);
  });

  it("a delete pod that has not begun is taken back when its run is aborted; one that runs, or that another leader has made anew, is not", async () => {
    const first = run(build("delete"));
    await settle();
    stop.abort(new Error("rescued"));
    await expect(first).rejects.toThrow("rescued");
    expect(cluster.podNames()).toEqual([]);

    stop = new AbortController();
    const second = run(build("delete"));
    await settle();
    await cluster.setStatus(DELETE, { phase: "Running" });
    stop.abort(new Error("rescued"));
    await expect(second).rejects.toThrow("rescued");
    expect(cluster.podNames()).toEqual([DELETE]);

    await cluster.deletePod(DELETE);
    stop = new AbortController();
    const third = run(build("delete"));
    await settle();
    const pod = cluster.pod(DELETE);
    cluster.kube.remove(`/api/v1/namespaces/local-path-storage/pods/${DELETE}`);
    cluster.kube.put(`/api/v1/namespaces/local-path-storage/pods/${DELETE}`, {
      ...pod,
      metadata: { ...pod?.metadata, uid: "another" },
    });
    stop.abort(new Error("lost the lease"));
    await expect(third).rejects.toThrow();
    expect(cluster.podNames()).toEqual([DELETE]);
  });

  it("the time limit is real time, worded as the original's for both actions; the pod is deleted", async () => {
    const work = run(build("delete"), 120);
    await cluster.clock.advance(119_999);
    expect(cluster.pod(DELETE)).toBeDefined();
    await cluster.clock.advance(1);
    await expect(work).rejects.toThrow(saying("create process timeout after 120 seconds"));
    expect(cluster.pod(DELETE)).toBeUndefined();
    expect(lost).toBe(0);
  });

  it("a pod that ran is not deleted when its time is up, but ended: it tells of what it made", async () => {
    const work = run(build(), 5);
    await settle();
    await cluster.setStatus(CREATE, { phase: "Running" });
    await cluster.clock.advance(5000);
    await expect(work).rejects.toThrow("create process timeout after 5 seconds");
    expect(lost).toBe(1);
    expect(cluster.pod(CREATE)).toMatchObject({
      metadata: { annotations: { "mooring.dev/helper-stopped": "true" } },
      spec: { activeDeadlineSeconds: 1 },
      status: { phase: "Failed" },
    });
  });

  it("one that has not begun and comes after nothing is deleted then: nothing was made", async () => {
    const work = run(build(), 5);
    await cluster.clock.advance(5000);
    await expect(work).rejects.toThrow("create process timeout after 5 seconds");
    expect(cluster.podNames()).toEqual([]);
    expect(lost).toBe(0);
  });

  it("one that begins in the moment in which it was to be deleted is ended instead", async () => {
    const work = run(build(), 5);
    await settle();
    cluster.kube.intercept = ({ method }) => {
      if (method !== "DELETE") return;
      cluster.kube.intercept = () => undefined;
      cluster.kube.put(`${PODS}${CREATE}`, { ...cluster.pod(CREATE), status: { phase: "Running" } } as Pod);
    };
    await cluster.clock.advance(5000);
    await expect(work).rejects.toThrow("create process timeout after 5 seconds");
    expect(cluster.pod(CREATE)?.status).toMatchObject({ phase: "Failed", reason: "DeadlineExceeded" });
  });

  it("one that runs is deleted when pods may not be patched", async () => {
    cluster.kube.intercept = ({ method }) => {
      if (method === "PATCH") throw new KubeError({ code: 403, reason: "Forbidden", message: "no" });
    };
    const work = run(build(), 5);
    await settle();
    await cluster.setStatus(CREATE, { phase: "Running" });
    await cluster.clock.advance(5000);
    await expect(work).rejects.toThrow("create process timeout after 5 seconds");
    expect(cluster.podNames()).toEqual([]);
    expect(lost).toBe(1);
  });

  it("a success that the watch has not shown counts at the time limit", async () => {
    const work = run(build(), 5);
    await settle();
    cluster.stop.abort();
    await cluster.setStatus(CREATE, { phase: "Succeeded" });
    await cluster.clock.advance(5000);
    expect((await work)?.status?.phase).toBe("Succeeded");
  });

  it.each([
    "ImagePullBackOff",
    "ErrImagePull",
    "CreateContainerError",
    "CreateContainerConfigError",
    "InvalidImageName",
  ])("%s is told at once and once, and the attempt goes on", async (reason) => {
    const work = run();
    await settle();
    const waiting = (message: string) => ({
      phase: "Pending",
      containerStatuses: [
        {
          name: "helper-pod",
          image: "",
          imageID: "",
          ready: false,
          restartCount: 0,
          state: { waiting: { reason, message } },
        },
      ],
    });
    await cluster.setStatus(CREATE, waiting("cannot"));
    await cluster.setStatus(CREATE, waiting("still cannot"));
    expect(reports).toEqual([`helper pod ${CREATE} is waiting: ${reason}: cannot`]);
    await cluster.setStatus(CREATE, { phase: "Succeeded" });
    await work;
  });

  it("Unschedulable is told at once", async () => {
    void run();
    await settle();
    await cluster.setStatus(CREATE, {
      phase: "Pending",
      containerStatuses: [],
      conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes" }],
    });
    expect(reports).toEqual([`helper pod ${CREATE} is waiting: Unschedulable: 0/3 nodes`]);
  });

  it("a pod deleted from outside ends the attempt", async () => {
    const work = run();
    await settle();
    await cluster.deletePod(CREATE);
    await expect(work).rejects.toThrow(saying(`helper pod ${CREATE} was deleted before it had ended`));
    expect(lost).toBe(1);
  });

  it("an abort ends the waiting and leaves the pod", async () => {
    const work = run();
    await settle();
    stop.abort(new Error("lost the lease"));
    await expect(work).rejects.toThrow("lost the lease");
    expect(cluster.pod(CREATE)).toBeDefined();
    expect(cluster.clock.pending).toBe(timers);
  });

  it("what the API server says of the pod is passed on; no answer at all is remembered", async () => {
    cluster.kube.intercept = ({ method }) => {
      if (method === "POST") throw new KubeError({ code: 403, reason: "Forbidden", message: "exceeded quota" });
    };
    await expect(run()).rejects.toThrow("exceeded quota");
    expect(lost).toBe(0);
    cluster.kube.intercept = ({ method }) => {
      if (method === "POST") throw new KubeError({ code: 0, reason: "ConnectionReset", message: "reset" });
    };
    await expect(run()).rejects.toThrow("reset");
    expect(lost).toBe(1);
  });

  describe("when a pod of that name is there already", () => {
    it("one that runs is waited for, not run again", async () => {
      await cluster.putPod(CREATE, { ...build(), status: { phase: "Running" } });
      const work = run();
      await settle();
      expect(cluster.pod(CREATE)?.status?.phase).toBe("Running");
      await cluster.setStatus(CREATE, { phase: "Succeeded" });
      await work;
      expect(cluster.ran).toEqual([]);
    });

    it("a create pod that has succeeded is the answer", async () => {
      await cluster.putPod(CREATE, { ...build(), status: { phase: "Succeeded" } });
      await run();
      expect(cluster.ran).toEqual([]);
    });

    it("one of the original's is taken over as well", async () => {
      const { annotations: _, ...metadata } = build().metadata ?? {};
      await cluster.putPod(CREATE, { ...build(), metadata, status: { phase: "Succeeded" } });
      await run();
      expect(cluster.ran).toEqual([]);
    });

    it.each(["create", "delete"] as const)("a failed one is told and replaced: %s", async (action) => {
      const name = action === "create" ? CREATE : DELETE;
      await cluster.putPod(name, { ...build(action), status: { phase: "Failed" } });
      cluster.logs.set(name, "why it failed\n");
      cluster.kubelet = () => ({ phase: "Succeeded" });
      await run(build(action));
      expect(cluster.ran).toEqual([`${action} node-a:/opt/lpp/v`]);
      expect(cluster.lines()).toContain("why it failed");
    });

    it("a delete pod that has succeeded says nothing about now: it is replaced", async () => {
      await cluster.putPod(DELETE, { ...build("delete"), status: { phase: "Succeeded" } });
      cluster.kubelet = () => ({ phase: "Succeeded" });
      await run(build("delete"));
      expect(cluster.ran).toHaveLength(1);
    });

    it("one that is being deleted is waited for until it is gone", async () => {
      cluster.endsDeleted = () => false;
      const leaving = build();
      leaving.metadata = { ...leaving.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" };
      await cluster.putPod(CREATE, { ...leaving, status: { phase: "Running" } });
      cluster.kubelet = () => ({ phase: "Succeeded" });
      const work = run();
      await settle();
      expect(cluster.ran).toEqual([]);
      await cluster.deletePod(CREATE);
      await work;
      expect(cluster.ran).toEqual(["create node-a:/opt/lpp/v"]);
    });

    it("one of another node, directory or volume is not taken for ours", async () => {
      for (const other of [build("create", "/opt/lpp/v", "node-b"), build("create", "/opt/other/v")]) {
        await cluster.putPod(CREATE, { ...other, status: { phase: "Succeeded" } });
        await expect(run()).rejects.toThrow(saying(`a pod called ${CREATE} exists already and is not for this volume`));
      }
    });
  });
});
