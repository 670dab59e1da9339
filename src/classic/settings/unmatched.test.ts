import { expect, it } from "vitest";
import { parseConfig } from "./config.ts";
import { unmatchedIn } from "./unmatched.ts";

const DEFAULT = "DEFAULT_PATH_FOR_NON_LISTED_NODES";
const read = (config: object) => parseConfig({ from: "inline", text: JSON.stringify(config) }).config;
const map = (entries: Record<string, string[]>) => ({
  nodePathMap: Object.entries(entries).map(([node, paths]) => ({ node, paths })),
});
const cluster = {
  nodes: ["a", "b"],
  classes: [
    { name: "hdd", nodePath: "/hdd" },
    { name: "any", nodePath: "" },
  ],
};

it("what the cluster has is no word worth", () => {
  expect(unmatchedIn(read(map({ a: ["/hdd"], [DEFAULT]: ["/ssd"] })), cluster)).toEqual([]);
  // Of a shared file system nodePath is not asked.
  expect(unmatchedIn(read({ sharedFileSystemPath: "/shared" }), cluster)).toEqual([]);
});

it("an entry for a node that is not there is named, and what may have been meant", () => {
  expect(unmatchedIn(read(map({ DEFAULT: ["/hdd"], c: ["/hdd"] })), cluster)).toEqual([
    `nodePathMap has an entry for DEFAULT, and there is no node of that name; the entry for all nodes that are not listed is ${DEFAULT}`,
    "nodePathMap has an entry for c, and there is no node of that name",
  ]);
});

it("a nodePath that is on no node is named, by the part of the class", () => {
  const message = "StorageClass hdd has the nodePath /hdd, and no entry of nodePathMap has that path";
  expect(unmatchedIn(read(map({ [DEFAULT]: ["/ssd"] })), cluster)).toEqual([message]);
  const perClass = { any: map({ a: ["/hdd"] }), hdd: map({ a: ["/ssd"], gone: ["/ssd"] }) };
  expect(unmatchedIn(read({ storageClassConfigs: perClass }), cluster)).toEqual([
    "nodePathMap of class hdd has an entry for gone, and there is no node of that name",
    message,
  ]);
});

it("a class that storageClassConfigs does not name is reported", () => {
  const perClass = { hdd: map({ [DEFAULT]: ["/hdd"] }) };
  expect(unmatchedIn(read({ storageClassConfigs: perClass }), cluster)).toEqual([
    "StorageClass any is not in storageClassConfigs, and every claim of that class will fail",
  ]);
});
