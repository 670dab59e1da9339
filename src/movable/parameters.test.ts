import { describe, expect, test } from "vitest";
import type { PersistentVolumeClaim, StorageClass } from "../kube/kinds.ts";
import { parseParameters, policiesFor } from "./parameters.ts";

const storageClass = (parameters?: Record<string, string>): StorageClass => ({
  metadata: { name: "mooring" },
  provisioner: "mooring.dev",
  ...(parameters === undefined ? {} : { parameters }),
});
const claim = (annotations: Record<string, string>): PersistentVolumeClaim => ({
  metadata: { name: "c", annotations },
});

test("a class without parameters moves its volumes in the pool default", () => {
  expect(parseParameters(storageClass())).toEqual({
    pool: "default",
    directory: { mode: "0777", uid: 0, gid: 0 },
    policies: { onDrain: "Move", onNodeLoss: "Wait", maxDowntime: "60s" },
    allowOverride: [],
  });
});

test("every parameter is read", () => {
  const parameters = {
    pool: "fast",
    mode: "0750",
    uid: "1000",
    gid: "4294967294",
    onDrain: "Stay",
    maxDowntime: "1m30s",
    allowOverride: "onDrain",
  };
  expect(parseParameters(storageClass(parameters))).toMatchObject({
    pool: "fast",
    directory: { mode: "0750", uid: 1000, gid: 4_294_967_294 },
    policies: { onDrain: "Stay", maxDowntime: "1m30s" },
    allowOverride: ["onDrain"],
  });
});

describe("a class is refused", () => {
  test.each([
    [
      "for an unknown parameter, with the valid ones",
      { Pool: "x" },
      /"Pool".*valid parameters are pool, mode, uid, gid, onDrain, maxDowntime, allowOverride/,
    ],
    ["for a parameter of later", { holdTimeout: "5s" }, /"holdTimeout".*does not do yet/],
    [
      "for a downtime that is too short",
      { maxDowntime: "999ms" },
      /"maxDowntime" to "999ms"; it must be a time from 1s/,
    ],
    ["for a downtime that is too long", { maxDowntime: "1h1ms" }, /"maxDowntime" to "1h1ms"; .* to 1h/],
    ["for a downtime without a unit", { maxDowntime: "60" }, /"maxDowntime" to "60"; .* such as 90s, 5m or 1m30s/],
    ["for a downtime that is below nothing", { maxDowntime: "-5s" }, /"maxDowntime" to "-5s"/],
    ["for a downtime that is longer than any field", { maxDowntime: `${"0".repeat(40)}5s` }, /"maxDowntime"/],
    ["for a policy of later", { onDrain: "Rebuild" }, /"onDrain" to "Rebuild".*does not do yet; valid are Move, Stay/],
    ["for a policy that is none", { onDrain: "move" }, /"onDrain" to "move"; it must be Move or Stay/],
    ["for a mode that is none", { mode: "rwx" }, /"mode" to "rwx"/],
    [
      "for a user id out of range",
      { uid: "4294967295" },
      /"uid" to "4294967295"; it must be a number from 0 to 4294967294/,
    ],
    ["for a group that is a name", { gid: "users" }, /"gid" to "users"/],
    ["for an override that is no policy", { allowOverride: "onDrain,pool" }, /"allowOverride"/],
  ])("%s", (_title, parameters, message) => {
    expect(() => parseParameters(storageClass(parameters as Record<string, string>))).toThrow(message);
  });
});

describe("a claim's annotation", () => {
  const allowed = parseParameters(storageClass({ allowOverride: "onDrain" }));
  const closed = parseParameters(storageClass());

  test("overrides the policy where the class allows it", () => {
    expect(policiesFor(claim({ "mooring.dev/on-drain": "Stay" }), "mooring", allowed).onDrain).toBe("Stay");
  });
  test("is refused where the class does not", () => {
    expect(() => policiesFor(claim({ "mooring.dev/on-drain": "Stay" }), "mooring", closed)).toThrow(
      /lets claims override nothing/,
    );
  });
  test("is refused when it is no policy", () => {
    expect(() => policiesFor(claim({ "mooring.dev/on-drain": "stay" }), "mooring", allowed)).toThrow(
      /valid values are Move, Stay/,
    );
  });
  test("of another kind changes nothing", () => {
    expect(policiesFor(claim({ other: "x" }), "mooring", closed)).toEqual(closed.policies);
  });
});
