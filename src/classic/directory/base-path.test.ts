import { describe, expect, it } from "vitest";
import { recordingLog } from "../../kube/testing/recording-log.fixture.ts";
import { basePath, configOf, isShared } from "./base-path.ts";
import { parseConfig } from "../settings/config.ts";
import { saying } from "../testing/saying.fixture.ts";

const config = (value: object) => parseConfig({ from: "inline", text: JSON.stringify(value) }).config;
const request = { claimUid: "claim-1", nodePath: "" };
const common = (value: object) => config(value).common;

describe("where a class's volumes lie", () => {
  it("refuses a class that storageClassConfigs does not name, and knows no default", () => {
    const own = config({ nodePathMap: [{ node: "n", paths: ["/x"] }], storageClassConfigs: { fast: {} } });
    expect(configOf(own, "fast").nodePaths.size).toBe(0);
    expect(() => configOf(own, "slow")).toThrow(
      saying(
        "BUG: Got request for unexpected storage class slow (storageClassConfigs in config.json does not name it)",
      ),
    );
  });

  it("fails at the request, not at load, when neither or both are set", () => {
    expect(() => isShared(common({}))).toThrow(saying("both nodePathMap and sharedFileSystemPath are unconfigured"));
    expect(() => isShared(common({ nodePathMap: [{ node: "n", paths: [] }], sharedFileSystemPath: "/s" }))).toThrow(
      saying("both nodePathMap and sharedFileSystemPath are defined. Please make sure only one is in use"),
    );
  });
});

describe("the base path of a claim", () => {
  const local = common({
    nodePathMap: [
      { node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: ["/default"] },
      { node: "many", paths: ["/a", "/b", "/c", "/d"] },
      { node: "none", paths: [] },
      { node: "null" },
    ],
  });

  it("is the shared path whatever the node and the class's nodePath", () => {
    expect(basePath(common({ sharedFileSystemPath: "/s" }), "", { ...request, nodePath: "/x" })).toBe("/s");
  });

  it("is the default entry's for a node that is not listed, and says so at level debug", () => {
    const log = recordingLog();
    expect(basePath(local, "other", request, log)).toBe("/default");
    expect(log.lines).toEqual([
      {
        level: "debug",
        msg: "config doesn't contain node other, use DEFAULT_PATH_FOR_NON_LISTED_NODES instead",
        fields: { node: "other" },
      },
    ]);
  });

  it("a node without an entry, where there is no default, is given back to the scheduler", () => {
    const only = common({ nodePathMap: [{ node: "a", paths: ["/a"] }] });
    expect(() => basePath(only, "b", request)).toThrow(
      expect.objectContaining({
        message: "config doesn't contain node b, and no DEFAULT_PATH_FOR_NON_LISTED_NODES available",
        retry: "reschedule",
      }),
    );
  });

  it.each(["none", "null"])("a node with no paths is not to be used (%s)", (node) => {
    for (const nodePath of ["", "/a"]) {
      expect(() => basePath(local, node, { ...request, nodePath })).toThrow(
        expect.objectContaining({ message: `no local path available on node ${node}`, retry: "reschedule" }),
      );
    }
  });

  it("is the class's nodePath if it equals one of the node's to the letter", () => {
    expect(basePath(local, "many", { ...request, nodePath: "/c" })).toBe("/c");
    expect(() => basePath(local, "many", { ...request, nodePath: "/c/" })).toThrow(
      expect.objectContaining({ message: "config doesn't contain path /c/ on node many", retry: "reschedule" }),
    );
  });

  it("9.3 re-randomised path on retry: a claim gets the same path on every attempt, in every replica", () => {
    const first = basePath(local, "many", request);
    for (let attempt = 0; attempt < 20; attempt++) expect(basePath(local, "many", request)).toBe(first);
    const all = new Set(
      Array.from({ length: 100 }, (_, at) => basePath(local, "many", { ...request, claimUid: `claim-${at}` })),
    );
    expect(all).toEqual(new Set(["/a", "/b", "/c", "/d"]));
  });
});
