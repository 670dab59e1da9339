import { expect, test } from "vitest";
import { cluster, movable, pod } from "../testing/objects.fixture.ts";
import { explainNamed } from "./named.ts";

const on = cluster(movable("data", "node-a"), movable("log", "node-a"), {
  pods: [pod("db-0", { claims: ["data", "log"], on: "node-a" }), pod("web", { claims: [], on: "node-a" })],
});

test.each(["data", "pvc/data", "persistentvolumeclaim/data"])("%s is a claim", (argument) => {
  expect(explainNamed(on, "app", argument)).toMatchObject({ claim: { name: "data" } });
});

test("of a pod all claims are explained", () => {
  expect(explainNamed(on, "app", "pod/db-0")).toMatchObject({
    pod: "db-0",
    claims: [{ claim: { name: "data" } }, { claim: { name: "log" } }],
  });
});

test.each([
  ["pod/none", "MOOR_POD_MISSING"],
  ["pod/web", "MOOR_POD_WITHOUT_CLAIM"],
  ["none", "MOOR_CLAIM_MISSING"],
])("%s is refused", (argument, code) => {
  expect(() => explainNamed(on, "app", argument)).toThrow(expect.objectContaining({ code }));
});
