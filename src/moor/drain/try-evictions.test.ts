import { expect, test } from "vitest";
import { KubeClient } from "../../kube/client.ts";
import { KubeError } from "../../kube/errors.ts";
import type { Kube, KubeRequest } from "../../kube/kube.ts";
import { pod } from "../testing/objects.fixture.ts";
import { tryEvictions } from "./try-evictions.ts";

const signal = new AbortController().signal;
const pods = [pod("a", { claims: [], on: "n" }), pod("b", { claims: [], on: "n" })];

function answering(code: (path: string) => number) {
  const requests: KubeRequest[] = [];
  const kube = {
    request: (request: KubeRequest) => {
      requests.push(request);
      const status = code(request.path);
      return status === 201
        ? Promise.resolve({})
        : Promise.reject(new KubeError({ code: status, reason: "", message: `answer ${String(status)}` }));
    },
  } as unknown as Kube;
  return { client: new KubeClient(kube), requests };
}

test("asks as a dry run only, and remembers who refused", async () => {
  const { client, requests } = answering((path) => (path.includes("/a/") ? 429 : 201));
  expect(await tryEvictions(client, pods, signal)).toEqual({ refused: new Map([["app/a", "answer 429"]]) });
  expect(requests.map(({ body }) => (body as { deleteOptions: { dryRun?: string[] } }).deleteOptions.dryRun)).toEqual([
    ["All"],
    ["All"],
  ]);
});

test("whoever may not evict learns that budgets were not looked at", async () => {
  const { client, requests } = answering(() => 403);
  expect(await tryEvictions(client, pods, signal)).toEqual({ refused: new Map(), unknown: "answer 403" });
  expect(requests.length).toBe(1);
});

test("a pod that has gone is not in the way; no answer ends it", async () => {
  expect(await tryEvictions(answering(() => 404).client, pods, signal)).toEqual({ refused: new Map() });
  await expect(tryEvictions(answering(() => 0).client, pods, signal)).rejects.toThrow("answer 0");
});
