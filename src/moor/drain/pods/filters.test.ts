import { expect, test } from "vitest";
import { pod } from "../../testing/objects.fixture.ts";
import { sortPods } from "./filters.ts";

const ON = { claims: [], on: "node-a" };
const owner = (kind: string) => ({
  ownerReferences: [{ apiVersion: "apps/v1", kind, name: "owner", uid: "o", controller: true }],
});
const emptyDir = { volumes: [{ name: "scratch", emptyDir: {} }] };
const finished = { phase: "Succeeded" };
const pods = [
  pod("plain", ON),
  pod("daemon", { ...ON, metadata: owner("DaemonSet") }),
  pod("static", { ...ON, metadata: { annotations: { "kubernetes.io/config.mirror": "x" }, ownerReferences: [] } }),
  pod("alone", { ...ON, metadata: { ownerReferences: [] } }),
  pod("scratch", { ...ON, spec: emptyDir }),
  pod("scratch-daemon", { ...ON, metadata: owner("DaemonSet"), spec: emptyDir }),
  pod("finished", { ...ON, metadata: { ownerReferences: [] }, spec: emptyDir, status: finished }),
  pod("finished-daemon", { ...ON, metadata: owner("DaemonSet"), status: finished }),
];
const LEFT = ["daemon", "static", "scratch-daemon"];

function sorted(deleteEmptyDirData: boolean, force: boolean) {
  const { evict, left, refused } = sortPods(pods, { deleteEmptyDirData, force });
  const names = (list: readonly (typeof pods)[number][]) => list.map(({ metadata }) => metadata.name);
  return [names(evict), names(left.map((one) => one.pod)), names(refused.map((one) => one.pod))];
}

// As the filters of kubectl drain 1.37 sort them, with --ignore-daemonsets.
test.each([
  [false, false, ["plain", "finished", "finished-daemon"], ["alone", "scratch"]],
  [true, false, ["plain", "scratch", "finished", "finished-daemon"], ["alone"]],
  [false, true, ["plain", "alone", "finished", "finished-daemon"], ["scratch"]],
  [true, true, ["plain", "alone", "scratch", "finished", "finished-daemon"], []],
])("--delete-emptydir-data=%s --force=%s", (emptyDirs, force, evict, refused) => {
  expect(sorted(emptyDirs, force)).toEqual([evict, LEFT, refused]);
});

test("a refusal names the flag that would let it pass", () => {
  const { refused } = sortPods(pods, { deleteEmptyDirData: false, force: false });
  expect(refused.map(({ why }) => why)).toEqual([
    "no controller would make it again; give --force to evict it",
    "the data in its emptyDir scratch would be lost; give --delete-emptydir-data to evict it",
  ]);
});
