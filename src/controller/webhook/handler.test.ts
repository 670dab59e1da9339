import { describe, expect, it } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { recordingLog } from "../../observe/testing/recording-log.fixture.ts";
import { evictionHandler, type DecideEviction } from "./handler.ts";
import type { EvictionRequest } from "./review.ts";

/** What kube-apiserver 1.37 sends for `kubectl drain`, shortened where we do not look. */
const review = (request: object = {}, object: object = {}, top: object = {}): object => ({
  kind: "AdmissionReview",
  apiVersion: "admission.k8s.io/v1",
  request: {
    uid: "review-1",
    kind: { group: "policy", version: "v1", kind: "Eviction" },
    resource: { group: "", version: "v1", resource: "pods" },
    subResource: "eviction",
    name: "web-0",
    namespace: "shop",
    operation: "CREATE",
    userInfo: {
      username: "system:serviceaccount:kube-system:drainer",
      groups: ["system:authenticated"],
      extra: { "authentication.kubernetes.io/node-name": ["node-b"] },
    },
    object: {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name: "web-0", namespace: "shop", creationTimestamp: null },
      deleteOptions: { gracePeriodSeconds: 30, preconditions: { uid: "pod-1" } },
      ...object,
    },
    oldObject: null,
    dryRun: false,
    options: { kind: "CreateOptions", apiVersion: "meta.k8s.io/v1" },
    ...request,
  },
  ...top,
});

function newHandler(decide: DecideEviction = () => Promise.resolve({ answer: "pass" })) {
  const clock = manualClock();
  const log = recordingLog();
  const asked: EvictionRequest[] = [];
  const gone = new AbortController();
  const handler = evictionHandler({
    clock,
    log,
    decide: (eviction, signal) => {
      asked.push(eviction);
      return decide(eviction, signal);
    },
  });
  const send = async (body: unknown, { path = "/eviction", method = "POST" } = {}) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return await handler({ method, path, headers: {}, body: new TextEncoder().encode(text), signal: gone.signal });
  };
  const answer = async (body: unknown): Promise<unknown> => JSON.parse((await send(body)).body);
  return { clock, log, asked, gone, send, answer };
}

const answered = (response: object) => ({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  response: { uid: "review-1", ...response },
});

describe("a decision", () => {
  it("to pass allows", async () => {
    const { answer, send } = newHandler();
    expect(await answer(review())).toEqual(answered({ allowed: true }));
    expect(await send(review())).toMatchObject({ status: 200, contentType: "application/json" });
  });

  it("to pass may warn", async () => {
    const { answer } = newHandler(() => Promise.resolve({ answer: "pass", warning: "it stays" }));
    expect(await answer(review())).toEqual(answered({ allowed: true, warnings: ["it stays"] }));
  });

  it("to hold is a 429 without a time to wait", async () => {
    const { answer } = newHandler(() => Promise.resolve({ answer: "hold", message: "being moved" }));
    const status = { status: "Failure", code: 429, reason: "TooManyRequests", message: "being moved" };
    expect(await answer(review())).toEqual(answered({ allowed: false, status }));
  });

  it("that the pod is gone is a 404", async () => {
    const { answer } = newHandler(() => Promise.resolve({ answer: "gone", message: "it has moved" }));
    const status = { status: "Failure", code: 404, reason: "NotFound", message: "it has moved" };
    expect(await answer(review())).toEqual(answered({ allowed: false, status }));
  });

  it("that fails holds, and is logged", async () => {
    const { answer, log } = newHandler(() => Promise.reject(new Error("no cache")));
    expect(await answer(review())).toMatchObject({ response: { allowed: false, status: { code: 429 } } });
    expect(log.lines).toMatchObject([{ level: "error", fields: { namespace: "shop", pod: "web-0" } }]);
  });

  it("that takes 1.5 s holds, and says so", async () => {
    const signals: AbortSignal[] = [];
    const { answer, clock } = newHandler((_eviction, signal) => {
      signals.push(signal);
      return new Promise(() => undefined);
    });
    let result: unknown;
    const done = answer(review()).then((value) => (result = value));
    await clock.advance(1499);
    expect(result).toBeUndefined();
    await clock.advance(1);
    await done;
    expect(result).toMatchObject({ response: { allowed: false, status: { code: 429 } } });
    expect(JSON.stringify(result)).toContain(
      "Mooring could not decide within 1.5 s whether evicting pod shop/web-0 is safe for its data. The next try checks again.",
    );
    expect(signals[0]?.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it("is given up when the API server goes away", async () => {
    const { answer, gone, clock } = newHandler(() => new Promise(() => undefined));
    const done = answer(review());
    gone.abort(new Error("the client has gone"));
    await done;
    expect(clock.pending).toBe(0);
  });
});

describe("what is told of an eviction", () => {
  it("is the pod, who asks, from which node, and the conditions", async () => {
    const { asked, answer } = newHandler();
    await answer(review());
    expect(asked).toEqual([
      {
        namespace: "shop",
        name: "web-0",
        dryRun: false,
        uidPrecondition: "pod-1",
        gracePeriodSeconds: 30,
        user: {
          name: "system:serviceaccount:kube-system:drainer",
          groups: ["system:authenticated"],
          nodeName: "node-b",
        },
      },
    ]);
  });

  it("is little where little was said", async () => {
    const { asked, answer } = newHandler();
    await answer(review({ userInfo: { username: "admin" }, dryRun: undefined }, { deleteOptions: null }));
    expect(asked).toEqual([{ namespace: "shop", name: "web-0", dryRun: false, user: { name: "admin", groups: [] } }]);
  });

  it("includes a dry run of the request, and one in the body's deleteOptions", async () => {
    const { asked, answer } = newHandler();
    await answer(review({ dryRun: true }));
    await answer(review({}, { deleteOptions: { dryRun: ["All"] } }));
    await answer(review({}, { deleteOptions: { dryRun: [] } }));
    expect(asked.map(({ dryRun }) => dryRun)).toEqual([true, true, false]);
  });

  it("includes a grace period of zero", async () => {
    const { asked, answer } = newHandler();
    await answer(review({}, { deleteOptions: { gracePeriodSeconds: 0 } }));
    expect(asked[0]?.gracePeriodSeconds).toBe(0);
  });
});

describe("a request that is malformed", () => {
  it.each<[what: string, body: unknown, why: RegExp]>([
    ["not JSON", "{", /it is not JSON/],
    ["empty", "", /it is not JSON/],
    ["null", null, /expected object/],
    ["a review of another version", review({}, {}, { apiVersion: "admission.k8s.io/v1beta1" }), /apiVersion: /],
    ["a review without a request", { ...review(), request: undefined }, /request: /],
    ["a review without a uid", review({ uid: undefined }), /request\.uid: /],
    ["a review of an update", review({ operation: "UPDATE" }), /request\.operation: /],
    ["a review of a pod", review({ subResource: undefined }), /request\.subResource: /],
    ["a review of another kind", review({ resource: { group: "apps", resource: "pods" } }), /request\.resource/],
    ["a review without an object", review({ object: null }), /request\.object: /],
    ["a review without a pod's name", review({ name: "" }), /request\.name: /],
  ])("%s: 400 with a sentence, and nothing is decided", async (_what, body, why) => {
    const { asked, send, log } = newHandler();
    const { status, body: text } = await send(body);
    expect(status).toBe(400);
    expect(text).toMatch(/^the request is not an AdmissionReview of a pod's eviction: .+\n$/);
    expect(text).toMatch(why);
    expect(asked).toEqual([]);
    expect(log.lines.map(({ level }) => level)).toEqual(["warn"]);
  });

  it("is one to another path, or with another method", async () => {
    const { send } = newHandler();
    expect((await send(review(), { path: "/" })).status).toBe(404);
    expect((await send(review(), { method: "GET" })).status).toBe(405);
  });
});
