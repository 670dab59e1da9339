import { describe, expect, it } from "vitest";
import type { PersistentVolume, PersistentVolumeClaim } from "../../kube/kinds.ts";
import { judge } from "./checks.ts";
import type { Facts, MovedFacts } from "./facts.ts";
import { journalProblems } from "./journal.ts";
import { shapeProblems } from "./volume-shape.ts";

const UID = "01234567-89ab-cdef-0123-456789abcdef";
const claim: PersistentVolumeClaim = {
  metadata: { name: "data-journal-0", namespace: "default", uid: UID },
  spec: {
    accessModes: ["ReadWriteOnce"],
    resources: { requests: { storage: "64Mi" } },
    storageClassName: "local-path",
    volumeName: `pvc-${UID}`,
  },
  status: { phase: "Bound" },
};
/**
 * As `kubectl get pv -o yaml` shows it of a volume that local-path-provisioner v0.0.37 has made.
 */
const volume: PersistentVolume = {
  metadata: {
    name: `pvc-${UID}`,
    annotations: {
      "local.path.provisioner/selected-node": "node-a",
      "pv.kubernetes.io/provisioned-by": "rancher.io/local-path",
    },
  },
  spec: {
    accessModes: ["ReadWriteOnce"],
    capacity: { storage: "64Mi" },
    claimRef: { kind: "PersistentVolumeClaim", name: "data-journal-0", namespace: "default", uid: UID },
    hostPath: {
      path: `/opt/local-path-provisioner/pvc-${UID}_default_data-journal-0`,
      type: "DirectoryOrCreate",
    },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [
          { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["node-a"] }] },
        ],
      },
    },
    persistentVolumeReclaimPolicy: "Delete",
    storageClassName: "local-path",
    volumeMode: "Filesystem",
  },
};

const journal = (lines: number): string =>
  Array.from({ length: lines }, (_, index) => `${String(index + 1)} written by journal-0 on node-a\n`).join("");
const pod = (uid: string, lines: number) => ({
  key: "default/journal-0",
  uid,
  node: "node-a",
  ready: true,
  claim: "default/data-journal-0",
  journal: journal(lines),
});
const MESSAGE =
  "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match PersistentVolume's node affinity. preemption: 0/3 nodes are available";
const file = { name: "journal", bytes: 33 };

/** A run in which everything was as it should be. */
function good() {
  return {
    nodes: ["node-a", "node-b", "node-c"].map((name) => ({ name, directory: `/tmp/x/${name}` })),
    builtIn: true,
    running: {
      unsettled: [] as string[],
      pods: [pod("1", 2)],
      volumes: [{ claim, volume, directory: "/tmp/x/node-a/opt", foundOn: ["node-a"], files: [file] }],
    },
    drain: {
      node: "node-a",
      pod: pod("1", 3),
      refused: [],
      evicted: ["default/journal-0"],
      left: [] as string[],
      after: { key: "default/journal-0", phase: "Pending", node: undefined as string | undefined, message: MESSAGE },
      journal: journal(4),
      files: [file],
    },
    back: pod("2", 5),
    removed: {
      claims: [] as string[],
      volumes: [] as string[],
      helperPods: [] as string[],
      directories: [] as string[],
    },
    directoryGone: true,
  };
}

const failed = (facts: Facts): string[] => judge(facts).flatMap(({ check, ok }) => (ok ? [] : [check]));

it("all checks hold for a run in which everything was as it should be", () => {
  expect(judge(good()).map(({ ok }) => ok)).toEqual(Array<boolean>(11).fill(true));
});

type Good = ReturnType<typeof good>;
it.each<[string, (facts: Good) => Facts, string]>([
  ["a pod is not Ready", (f) => ({ ...f, running: { ...f.running, unsettled: ["p"] } }), "every pod is Ready"],
  [
    "a claim is Pending",
    (f) => ({
      ...f,
      running: {
        ...f.running,
        volumes: f.running.volumes.map((v) => ({ ...v, claim: { ...claim, status: { phase: "Pending" } } })),
      },
    }),
    "every claim is Bound",
  ],
  [
    "a volume is of another shape",
    (f) => ({
      ...f,
      running: {
        ...f.running,
        volumes: f.running.volumes.map((v) => ({
          ...v,
          volume: { ...volume, spec: { ...volume.spec, volumeMode: "Block" } },
        })),
      },
    }),
    "every volume is as local-path-provisioner makes it",
  ],
  [
    "a directory is on two nodes",
    (f) => ({
      ...f,
      running: {
        ...f.running,
        volumes: f.running.volumes.map((v) => ({ ...v, foundOn: ["node-a", "node-b"] })),
      },
    }),
    "every volume's directory is on its node and on no other",
  ],
  [
    "a pod has written nothing",
    (f) => ({ ...f, running: { ...f.running, pods: [{ ...pod("1", 2), journal: "" }] } }),
    "every pod writes its files into its directory",
  ],
  [
    "a pod is left",
    (f) => ({ ...f, drain: { ...f.drain, left: ["pod x is on node-a"] } }),
    "no pod is left on the drained node",
  ],
  [
    "the scheduler says something else",
    (f) => ({ ...f, drain: { ...f.drain, after: { ...f.drain.after, message: "0/3 nodes: Insufficient cpu" } } }),
    "the pod waits, and the scheduler says why",
  ],
  [
    "the pod runs elsewhere, without its data",
    (f) => ({ ...f, drain: { ...f.drain, after: { ...f.drain.after, node: "node-b" } } }),
    "the pod waits, and the scheduler says why",
  ],
  [
    "a file is gone while the pod waits",
    (f) => ({ ...f, drain: { ...f.drain, files: [] } }),
    "its files stay while it waits",
  ],
  [
    "the pod is back without its data",
    (f) => ({ ...f, back: { ...f.back, journal: journal(1) } }),
    "back on its node, it goes on with its data",
  ],
  [
    "the pod is back and does not go on",
    (f) => ({ ...f, back: pod("2", 4) }),
    "back on its node, it goes on with its data",
  ],
  [
    "a directory stays",
    (f) => ({ ...f, removed: { ...f.removed, directories: ["/tmp/x"] } }),
    "claims, volumes and their directories are removed",
  ],
  ["a process stays", (f) => ({ ...f, processesLeft: [7] }), "no process and no directory is left on this machine"],
  [
    "the demo's directory stays",
    (f) => ({ ...f, directoryGone: false }),
    "no process and no directory is left on this machine",
  ],
])("one check fails, and only one, when %s", (_, change, check) => {
  expect(failed(change(good()))).toEqual([check]);
});

it("what was not reached does not hold, and the reason is where the story stopped", () => {
  const { nodes, builtIn } = good();
  const checks = judge({ nodes, builtIn, stoppedBy: "waited 5 s for the deployment", directoryGone: true });
  expect(checks.filter(({ ok }) => ok).map(({ check }) => check)).toEqual([
    "no process and no directory is left on this machine",
  ]);
  expect(checks[0]?.why).toBe("waited 5 s for the deployment");
});

describe("the journal", () => {
  it.each([
    ["a line is missing", journal(3).replace(/^2 .*\n/m, ""), /^line 2 is/],
    ["a line is there twice", journal(2) + journal(2), /^line 3 is/],
    [
      "a line is of another node",
      journal(2).replace("2 written by journal-0 on node-a", "2 written by journal-0 on node-b"),
      /^line 2/,
    ],
    ["the last line is torn", "1 written by journal-0 on node-a\n2 writ", /torn/],
    ["there is none", "", /no line/],
  ])("is wrong when %s", (_, text, problem) => {
    expect(journalProblems(text, "journal-0", "node-a")).toEqual([expect.stringMatching(problem)]);
  });
});

describe("a volume's shape", () => {
  it.each<[string, PersistentVolume]>([
    [
      "the annotation of the node",
      {
        ...volume,
        metadata: { ...volume.metadata, annotations: { "pv.kubernetes.io/provisioned-by": "rancher.io/local-path" } },
      },
    ],
    ["the affinity", { ...volume, spec: { ...volume.spec, nodeAffinity: {} } }],
    ["the path", { ...volume, spec: { ...volume.spec, hostPath: { path: "/opt/x", type: "DirectoryOrCreate" } } }],
    ["the claim's UID", { ...volume, spec: { ...volume.spec, claimRef: { uid: "other" } } }],
  ])("is wrong in one point when %s is another", (_, changed) => {
    expect(shapeProblems(claim, changed, "node-a")).toHaveLength(1);
  });
});

describe("a volume that moves", () => {
  const before = { ...pod("1", 2) };
  const lines = (to: string): string => `${journal(2)}3 written by journal-0 on ${to}\n`;
  const after = { ...before, uid: "2", node: "node-b", journal: lines("node-b") };
  const moved: MovedFacts = {
    node: "node-a",
    before,
    after,
    refused: [],
    evicted: ["default/journal-0"],
    held: ["its data is not safe yet"],
    left: [],
    claimBefore: `${UID} bound to pvc-${UID}`,
    claimAfter: `${UID} bound to pvc-${UID}`,
    move: { name: "drain-a", phase: "Done", downtimeSeconds: 0.8 },
  };
  const failed = (change: Partial<MovedFacts>): string[] =>
    judge({ nodes: [], builtIn: true, movable: true, moved: { ...moved, ...change }, stoppedBy: "x" })
      .filter(({ ok, why }) => !ok && why !== "x")
      .map(({ why = "" }) => why);

  it("passes when the pod is elsewhere with its claim and its data", () => {
    expect(failed({})).toEqual([]);
  });

  it.each<[string, Partial<MovedFacts>, string]>([
    [
      "a pod that is on the node again",
      { after: { ...after, node: "node-a" } },
      "pod default/journal-0 is on node-a again",
    ],
    ["a pod that never left", { after: { ...after, uid: "1" } }, "pod default/journal-0 is the same as before"],
    [
      "another volume",
      { claimAfter: `${UID} bound to pvc-2` },
      `it was claim ${UID} bound to pvc-${UID}, and is ${UID} bound to pvc-2`,
    ],
    [
      "a journal that begins anew",
      { after: { ...after, journal: "1 written by journal-0 on node-b\n" } },
      "the journal of pod default/journal-0 does not begin as it was",
    ],
    [
      "a line that is missing",
      { after: { ...after, journal: `${journal(2)}4 written by journal-0 on node-b\n` } },
      'the journal of pod default/journal-0: line 3 is "4 written by journal-0 on node-b" and not "3 written by journal-0 on node-b"',
    ],
    [
      "a pod that does not write any more",
      { after: { ...after, journal: journal(2) } },
      "the journal of pod default/journal-0: it has no line of node-b",
    ],
    ["an eviction that was not held", { held: [] }, "no eviction was held"],
    [
      "a move that is not done",
      { move: { name: "m", phase: "Undoing", downtimeSeconds: undefined } },
      "VolumeMove m is Undoing",
    ],
    ["a pod that stays", { left: ["pod default/x is on node-a"] }, "pod default/x is on node-a"],
  ])("fails for %s", (_, change, why) => {
    expect(failed(change)).toContain(why);
  });
});
