/*
 * A webhook for cases: an HTTPS listener on loopback which answers as the path says, and remembers
 * what it was asked. A path is `/RUN/ANSWER`, so that cases do not hear of each other.
 */
import type { ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import type { ServerCertificate } from "../../src/lab/index.ts";

/** One call of the webhook. */
export interface Asked {
  readonly path: string;
  readonly review: { readonly request: { readonly uid: string; readonly name: string } };
}

/** A webhook that the server under test can reach. */
export interface Hook {
  /** `https://127.0.0.1:12345` */
  readonly origin: string;
  /** For clientConfig, base64. */
  readonly caBundle: string;
  /** Grows. */
  readonly asked: readonly Asked[];
  close(): Promise<void>;
}

const refusal = (status?: object, more: object = {}): object => ({ allowed: false, status, ...more });
const HELD = { status: "Failure", code: 429, reason: "TooManyRequests", message: "its data is not safe yet" };

/** What it says of a request, by the last part of the path. */
const RESPONSES = {
  allow: { allowed: true },
  canary: { allowed: true },
  warn: { allowed: true, warnings: ["it stays here"] },
  hold: refusal(HELD),
  "hold-and-warn": refusal(HELD, { warnings: ["it stays here"] }),
  "hold-for-a-while": refusal({ ...HELD, details: { retryAfterSeconds: 3 } }),
  gone: refusal({ status: "Failure", code: 404, reason: "NotFound", message: "it has moved" }),
  "refuse-with-a-reason": refusal({ reason: "Forbidden" }),
  "refuse-with-success": refusal({ status: "Success", code: 200, message: "all is well" }),
  "refuse-in-silence": refusal(),
  "say-neither": {},
} as const;

const TEXT = { "content-type": "text/plain; charset=utf-8" };
/** What it does instead of answering. */
const FAILURES = {
  /** Never answers. */
  late: () => undefined,
  broken: (response: ServerResponse) => response.writeHead(500).end("it is broken"),
  "broken-in-words": (response: ServerResponse) => response.writeHead(500, TEXT).end("it is broken"),
  puzzled: (response: ServerResponse) => response.writeHead(400, TEXT).end("what is this\n"),
  "no-json": (response: ServerResponse) => response.end("hello"),
  "no-review": (response: ServerResponse) => response.end("{}"),
  "no-response": (response: ServerResponse) => response.end(JSON.stringify(REVIEW)),
  "of-another": (response: ServerResponse) =>
    response.end(JSON.stringify({ ...REVIEW, response: { uid: "another", allowed: true } })),
} as const;

const REVIEW = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview" };

/** What a case may have the webhook do. */
export type HookAnswer = keyof typeof RESPONSES | keyof typeof FAILURES;

/** Serves it. `heard` is told of each call before it is answered. */
export async function serveHook({ cert, key, ca }: ServerCertificate, heard: (asked: Asked) => void): Promise<Hook> {
  const asked: Asked[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    void json(request).then((body) => {
      const review = body as Asked["review"];
      const path = new URL(request.url ?? "/", "https://hook").pathname;
      asked.push({ path, review });
      heard({ path, review });
      const what = path.split("/").at(-1) as HookAnswer;
      response.setHeader("content-type", "application/json");
      if (what in FAILURES) FAILURES[what as keyof typeof FAILURES](response);
      else answer(response, review.request.uid, RESPONSES[what as keyof typeof RESPONSES]);
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    origin: `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    caBundle: Buffer.from(ca).toString("base64"),
    asked,
    close: () =>
      new Promise((closed) => {
        server.close(() => {
          closed();
        });
        server.closeAllConnections();
      }),
  };
}

function answer(response: ServerResponse, uid: string, what: object): void {
  response.end(JSON.stringify({ ...REVIEW, response: { uid, ...what } }));
}
