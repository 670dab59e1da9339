import { describe, expect, it } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import type { Pod } from "../../kube/kinds.ts";
import { settings, succeeds } from "../testing/cluster.fixture.ts";
import { begun, CREATE, CREATE_AGAIN, DIRECTORY, kubeletBack, VOLUME, yes } from "../testing/driver-suite.fixture.ts";
import { claim, node } from "../testing/objects.fixture.ts";
import { useDriver } from "../testing/use-driver.fixture.ts";

/* What is known of an attempt, from its pods and from memory. */

const on = useDriver();

it("what a failed attempt may have made is known from the pod that replaced its pod, also to the next leader", async () => {
  on.cluster.kubelet = () => ({ phase: "Failed" });
  await expect(on.provision()).rejects.toThrow();
  await on.newLeader();
  on.cluster.kubelet = () => undefined;
  void begun(on.provision());
  await settle();
  expect(on.cluster.pod(CREATE_AGAIN)?.status?.phase).toBe("Pending");
  await on.newLeader();
  // The teardown has to be tried twice, and the second time by a leader that knows nothing but the
  // cluster.
  on.cluster.kubelet = () => ({ phase: "Failed" });
  await expect(on.abandon()).rejects.toThrow();
  await on.newLeader();
  on.cluster.kubelet = succeeds;
  await on.abandon();
  await settle();
  expect(on.cluster.ran.at(-1)).toBe(`delete node-a:${DIRECTORY}`);
  expect(on.cluster.podNames()).toEqual([]);
});

it("a pod of another provisioner in our namespace is nobody's attempt of ours, one that says nothing is", async () => {
  await on.provision();
  const made = on.cluster.pod(CREATE);
  const saying = (provisioner?: string) => {
    const { "mooring.dev/provisioner": _, ...others } = made?.metadata?.annotations ?? {};
    const annotations = provisioner === undefined ? others : { ...others, "mooring.dev/provisioner": provisioner };
    return on.cluster.putPod(CREATE, { ...made, metadata: { ...made?.metadata, annotations } });
  };
  await saying("example.org/other");
  await on.newLeader();
  expect(on.driver.attempts()).toEqual([]);
  await on.abandon();
  expect(on.cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
  expect(on.cluster.pod(CREATE)).toBeDefined();
  await saying();
  await on.newLeader();
  expect(on.driver.attempts()).toEqual([VOLUME]);
});

describe("what an attempt before may have made is not forgotten by a leader that has it only from a pod", () => {
  const failed = (): void => {
    on.cluster.kubelet = () => ({ phase: "Failed" });
  };
  const removed = async (meanwhile = async (): Promise<void> => undefined): Promise<void> => {
    on.cluster.kubelet = succeeds;
    on.cluster.kube.intercept = () => undefined;
    expect(on.driver.attempts()).toEqual([VOLUME]);
    const abandoned = begun(on.abandon());
    await settle();
    await meanwhile();
    await abandoned;
    await settle();
    expect(on.cluster.ran.at(-1)).toBe(`delete node-a:${DIRECTORY}`);
    expect(on.cluster.podNames()).toEqual([]);
    expect(on.driver.attempts()).toEqual([]);
  };

  /** A leader's attempt failed, and the next has put a pod in its place that has not begun. */
  async function replaced(): Promise<void> {
    failed();
    await expect(on.provision()).rejects.toThrow();
    await on.newLeader();
    on.cluster.kubelet = () => undefined;
    void begun(on.provision());
    await settle();
    await on.newLeader();
  }

  it("when it may not make another pod: the failed one is still there", async () => {
    failed();
    await expect(on.provision()).rejects.toThrow();
    await on.newLeader();
    on.cluster.kube.intercept = ({ method, body }) => {
      if (method === "POST" && (body as Pod).metadata?.name !== CREATE) throw new Error("exceeded quota");
    };
    await expect(on.provision()).rejects.toThrow("exceeded quota");
    await on.newLeader();
    await removed();
  });

  it("when the pod that replaced the failed one runs out of time", async () => {
    await replaced();
    const late = begun(on.provision());
    await on.cluster.clock.advance(120_000);
    await expect(late).rejects.toThrow("timeout");
    // Seed 3770823879: the leader died here, and the claim was deleted before another had tried
    // again.
    await on.newLeader();
    await removed();
  });

  it("when the time of a pod that ran was up", async () => {
    on.cluster.kubelet = () => undefined;
    const late = begun(on.provision());
    await settle();
    await on.cluster.setStatus(CREATE, { phase: "Running" });
    await on.cluster.clock.advance(120_000);
    await expect(late).rejects.toThrow("timeout");
    await on.newLeader();
    await removed();
  });

  it("when a pod that runs is ended because its claim has moved to another node", async () => {
    on.cluster.kubelet = () => undefined;
    void begun(on.provision());
    await settle();
    await on.cluster.setStatus(CREATE, { phase: "Running" });
    await on.newLeader();
    // The leader dies before it has made the teardown pod.
    on.cluster.kube.intercept = ({ method }) => {
      if (method === "POST") throw new Error("killed");
    };
    await expect(on.provision({ node: node("node-b") })).rejects.toThrow("killed");
    await on.newLeader();
    await removed();
  });

  it("when the pod that replaced the failed one is being deleted already", async () => {
    await replaced();
    on.cluster.endsDeleted = ({ metadata }) => metadata?.name !== CREATE_AGAIN;
    const pod = on.cluster.pod(CREATE_AGAIN);
    await on.cluster.putPod(CREATE_AGAIN, {
      ...pod,
      metadata: { ...pod?.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" },
    });
    await removed(async () => {
      await on.cluster.deletePod(CREATE_AGAIN);
      await on.cluster.clock.advance(5000);
    });
  });

  it("when the pod that was being deleted has gone and the next has not begun", async () => {
    on.cluster.kubelet = () => undefined;
    void begun(on.provision());
    await settle();
    on.cluster.endsDeleted = () => false;
    const pod = on.cluster.pod(CREATE);
    await on.cluster.putPod(CREATE, {
      ...pod,
      metadata: { ...pod?.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" },
      status: { phase: "Running" },
    });
    await on.newLeader();
    void begun(on.provision());
    await settle();
    await on.cluster.deletePod(CREATE);
    kubeletBack(on.cluster);
    await on.cluster.clock.advance(5000);
    expect(on.cluster.pod(CREATE)?.status?.phase).toBe("Pending");
    await on.newLeader();
    await removed();
  });

  it("when the failed pod was on another node of a shared file system", async () => {
    on.cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    failed();
    await expect(on.provision()).rejects.toThrow();
    await on.newLeader();
    on.cluster.kubelet = () => undefined;
    void begun(on.provision({ node: node("node-b") }));
    await settle();
    await on.newLeader();
    on.cluster.kubelet = succeeds;
    await on.abandon();
    expect(on.cluster.ran.at(-1)).toBe(`delete node-b:/shared/${VOLUME}_shop_data`);
  });
});

it("a helper that has not begun is not taken for the first, when the claim is older than the leader: its directory is removed", async () => {
  const old = claim();
  const born = (ms: number) => new Date(on.cluster.clock.now() + ms).toISOString();
  const of = (creationTimestamp: string) => ({ claim: { ...old, metadata: { ...old.metadata, creationTimestamp } } });
  const abandoned = async (creationTimestamp: string): Promise<readonly string[]> => {
    on.cluster.ran.length = 0;
    on.cluster.kubelet = () => undefined;
    void begun(on.provision(of(creationTimestamp)));
    await settle();
    on.cutOff("the claim was deleted");
    on.cluster.kubelet = succeeds;
    await on.abandon();
    await settle();
    return on.cluster.ran;
  };
  expect(await abandoned(born(-1_000))).toEqual([`create node-a:${DIRECTORY}`, `delete node-a:${DIRECTORY}`]);
  expect(await abandoned(born(120_000))).toEqual([`create node-a:${DIRECTORY}`]);
  expect(on.cluster.podNames()).toEqual([]);
});

it("a failed helper that somebody deletes by hand does not take the knowledge of its directory with it", async () => {
  on.cluster.kubelet = () => ({ phase: "Failed" });
  await expect(on.provision()).rejects.toThrow();
  await on.cluster.deletePod(CREATE);
  expect(on.driver.attempts()).toEqual([VOLUME]);
});

describe("what only this process remembers", () => {
  /** A helper has run and failed, and somebody has deleted its pod. */
  const failedUnseen = async (): Promise<void> => {
    on.cluster.kubelet = () => ({ phase: "Failed" });
    await expect(on.provision()).rejects.toThrow();
    await on.cluster.deletePod(CREATE);
    on.cluster.kubelet = succeeds;
    on.cluster.ran.length = 0;
  };

  it("is removed where the configuration gives the claim another directory", async () => {
    await failedUnseen();
    on.cluster.settings = settings({ nodePathMap: [{ node: "node-a", paths: ["/new"] }] });
    await on.provision();
    expect(on.cluster.ran).toEqual([`delete node-a:${DIRECTORY}`, `create node-a:/new/${VOLUME}_shop_data`]);
  });

  it("is removed once when the claim is gone, and then there is nothing left", async () => {
    await failedUnseen();
    await on.driver.removeAttempt(VOLUME, yes, on.signal);
    expect(on.cluster.ran).toEqual([`delete node-a:${DIRECTORY}`]);
    expect(on.driver.attempts()).toEqual([]);
  });
});
