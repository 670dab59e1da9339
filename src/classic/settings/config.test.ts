import { describe, expect, it } from "vitest";
import { CodedError } from "../../observe/errors.ts";
import { saying } from "../testing/saying.fixture.ts";
import { configAsJson, isConfigFile, parseConfig, warningsOf } from "./config.ts";

const inline = (value: unknown) => parseConfig({ from: "inline", text: JSON.stringify(value) }).config;
const onNode = (node: string, ...paths: unknown[]) => ({ node, paths });

describe("the rules of config.json", () => {
  it("takes a missing, zero or negative timeout for two minutes", () => {
    for (const cmdTimeoutSeconds of [undefined, 0, -1])
      expect(inline({ cmdTimeoutSeconds }).cmdTimeoutSeconds).toBe(120);
    expect(inline({ cmdTimeoutSeconds: 7 }).cmdTimeoutSeconds).toBe(7);
  });

  it("may ask for fewer helpers on a node, never for more than 16", () => {
    for (const helpersPerNode of [undefined, 0, -1]) expect(inline({ helpersPerNode }).helpersPerNode).toBeUndefined();
    expect(inline({ helpersPerNode: 1 }).helpersPerNode).toBe(1);
    expect(inline({ HelpersPerNode: 17 }).helpersPerNode).toBe(16);
    const { data } = parseConfig({ from: "inline", text: '{"helpersPerNode":2}' });
    expect(configAsJson(data)).toBe('{"helpersPerNode":2,"storageClassConfigs":null}');
  });

  it("cleans paths", () => {
    expect(inline({ nodePathMap: [onNode("a", "/x//y/", "/x/../z")] }).common.nodePaths.get("a")).toEqual([
      "/x/y",
      "/z",
    ]);
  });

  it("accepts null and empty paths: a node that is not to be used", () => {
    const config = inline({
      nodePathMap: [
        { node: "a", paths: null },
        { node: "b", paths: [] },
      ],
    });
    expect(config.common.nodePaths).toEqual(
      new Map([
        ["a", []],
        ["b", []],
      ]),
    );
  });

  it.each([
    ["a node twice", [onNode("a", "/x"), onNode("a", "/y")], "duplicate node a"],
    ["a relative path", [onNode("a", "x")], "path must start with / for path x on node a"],
    ["the root", [onNode("a", "/x/..")], "cannot use root ('/') as path on node a"],
    ["a path twice", [onNode("a", "/x", "/x/")], "duplicate path /x/ on node a"],
    ["an empty path (which crashed the original)", [onNode("a", "")], "empty path on node a"],
    ["a null path (which crashed the original)", [onNode("a", null)], "empty path on node a"],
    [
      "a null node (which crashed the original)",
      [onNode("a", "/x"), null],
      "null instead of an object at nodePathMap[1]",
    ],
  ])("refuses %s", (_what, nodePathMap, why) => {
    const text = `StorageClass config canonicalization failed: ${why}`;
    expect(() => inline({ nodePathMap })).toThrow(saying(text));
    expect(() => inline({ storageClassConfigs: { fast: { nodePathMap } } })).toThrow(
      saying(`config for class fast is invalid: ${text}`),
    );
  });

  it("reports a text that is no JSON with its file, or with itself when it is inline", () => {
    expect(() => parseConfig({ from: "file", path: "/etc/config/config.json", text: "{" })).toThrow(
      saying(
        "fail to load config file /etc/config/config.json: line 1: expected a key in quotes, found the end of the text",
      ),
    );
    expect(() => parseConfig({ from: "inline", text: "[]" })).toThrow(
      saying("fail to load config file []: line 1: Invalid input: expected object, received array"),
    );
  });

  it("ignores what follows the first value of a file, and nothing behind an inline one", () => {
    expect(parseConfig({ from: "file", path: "/c.json", text: "{} rubbish" }).config.common.nodePaths.size).toBe(0);
    expect(() => parseConfig({ from: "inline", text: "{} rubbish" })).toThrow(
      "line 1: expected the end of the text, found rubbish",
    );
  });

  it("does not look at the common part when there are classes, not even for mistakes", () => {
    const config = inline({
      nodePathMap: [onNode("a", "x")],
      storageClassConfigs: { fast: { sharedFilesystemPath: "/s" } },
    });
    expect(config.common.nodePaths.size).toBe(0);
    expect(config.classes.get("fast")?.sharedFileSystemPath).toBe("/s");
  });

  it("warns of what will fail at every request, and loads it all the same", () => {
    expect(warningsOf(inline({}))).toEqual([
      "both nodePathMap and sharedFileSystemPath are unconfigured; every request will fail",
    ]);
    expect(
      warningsOf(
        inline({ storageClassConfigs: { a: { nodePathMap: [onNode("n", "/x")], sharedFileSystemPath: "/s" } } }),
      ),
    ).toEqual([
      "class a: both nodePathMap and sharedFileSystemPath are defined. Please make sure only one is in use; every request will fail",
    ]);
    expect(warningsOf(inline({ sharedFileSystemPath: "data" }))).toEqual([
      "sharedFileSystemPath data is not absolute; every request will fail",
    ]);
    expect(warningsOf(inline({ storageClassConfigs: { a: { sharedFileSystemPath: "/data/.." } } }))).toEqual([
      "class a: sharedFileSystemPath is the root directory; every volume without a path pattern will fail",
    ]);
    expect(warningsOf(inline({ sharedFileSystemPath: "/data" }))).toEqual([]);
  });

  it("tells a file from text by its ending alone", () => {
    expect(isConfigFile("/etc/config/config.json")).toBe(true);
    expect(isConfigFile("{}")).toBe(false);
    expect(isConfigFile("/etc/config/config.yaml")).toBe(false);
  });

  it("says what the reader should do", () => {
    try {
      inline({ nodePathMap: [null] });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(CodedError);
      expect((error as CodedError).advice).toContain("config.json");
    }
  });
});
