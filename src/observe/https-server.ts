/*
 * An HTTPS server for requests with bodies: admission webhooks.
 *
 * A connection lives until the client ends it, until it has been idle for a while, or until close.
 * A request is in one of these states:
 *
 *   reading ── body complete ──▶ answering ── the handler's answer ──▶ sent
 *      │                            │
 *      ├ too large: 413             ├ the handler throws: 500
 *      └ client gone: dropped       └ client gone, or close has waited: dropped, signal aborted
 *
 * - There is no plain HTTP: a client that does not speak TLS is disconnected.
 * - The certificate can be exchanged at any time. Open connections keep the one they began with. An
 *   unusable certificate is refused, and the current one stays in use.
 * - close accepts no new connections, waits for requests that are being answered, and closes after
 *   two seconds whatever is still open.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { deadline, type Clock } from "../effects/clock.ts";
import type { Log } from "./log.ts";
import { readBody } from "./request-body.ts";
import type { HttpAnswer, ListeningServer } from "./server.ts";

/** A request as a handler gets it. */
export interface HttpsRequest {
  /** Upper case. */
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Names in lower case; a header that was sent twice is joined or a list, as Node does it. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
  /** Aborted when the client no longer waits for the answer. */
  readonly signal: AbortSignal;
}

/** Answers every request. A HEAD answer's body is not sent. */
export type HttpsHandler = (request: HttpsRequest) => HttpAnswer | Promise<HttpAnswer>;

/** PEM. */
export interface ServingCertificate {
  /** The certificate, followed by intermediate ones if there are any. */
  readonly cert: string;
  readonly key: string;
}

export interface HttpsServer extends ListeningServer {
  /**
   * Uses this certificate for new connections. Throws when it is unusable; the old one then stays
   * in use.
   */
  exchange(certificate: ServingCertificate): void;
  /** Resolves when every connection has ended, after two seconds at most. */
  close(): Promise<void>;
}

export interface HttpsServerOptions {
  /** 0 takes a free one. */
  readonly port: number;
  readonly certificate: ServingCertificate;
  readonly clock: Clock;
  readonly log: Log;
}

/** An AdmissionReview contains at most an object and its old version, 1.5 MiB each in etcd. */
const LARGEST_BODY = 3 * 1024 * 1024;
const DRAIN_MS = 2000;
/** An API server closes its idle connections after 90 s. It should do so before we do. */
const IDLE_MS = 120_000;
/** How long a client may take for the TLS handshake, and to send a whole request. */
const SLOWEST_REQUEST_MS = 10_000;

/** Serves HTTPS on all interfaces. Rejects if the port is taken or the certificate is unusable. */
export async function serveHttps(options: HttpsServerOptions, handler: HttpsHandler): Promise<HttpsServer> {
  const { clock, log } = options;
  const closing = new AbortController();
  const ended = new AbortController();
  const server = createServer(
    {
      ...options.certificate,
      handshakeTimeout: SLOWEST_REQUEST_MS,
      headersTimeout: SLOWEST_REQUEST_MS,
      requestTimeout: SLOWEST_REQUEST_MS,
      keepAliveTimeout: IDLE_MS,
    },
    (request, response) => {
      void answer(request, response).catch((error: unknown) => {
        log.debug("an HTTPS request was dropped", { err: error });
        response.destroy();
      });
    },
  );
  server.on("tlsClientError", (error) => {
    log.debug("a TLS handshake failed", { err: error });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const gone = new AbortController();
    response.once("close", () => {
      gone.abort(new Error("the client has closed the connection"));
    });
    const body = await readBody(request, LARGEST_BODY);
    if (body === undefined) {
      send(response, { status: 413, body: `the body is larger than ${String(LARGEST_BODY)} bytes\n` }, false);
      return;
    }
    const method = request.method ?? "GET";
    const signal = AbortSignal.any([gone.signal, ended.signal]);
    let answered: HttpAnswer;
    try {
      answered = await handler({ method, path, headers: request.headers, body, signal });
    } catch (error) {
      log.error("an HTTPS handler failed", { path, err: error });
      answered = { status: 500, body: "internal error\n" };
    }
    if (response.destroyed) return;
    if (closing.signal.aborted) response.setHeader("connection", "close");
    send(response, answered, method === "HEAD");
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, () => {
      server.off("error", reject);
      resolve();
    });
  });

  async function close(): Promise<void> {
    closing.abort();
    const drained = new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
    });
    const limit = deadline(clock, DRAIN_MS);
    limit.signal.addEventListener("abort", () => {
      ended.abort(new Error("the server is closing"));
      server.closeAllConnections();
    });
    server.closeIdleConnections();
    await drained;
    limit.clear();
  }

  return {
    port: (server.address() as AddressInfo).port,
    exchange: (certificate) => {
      server.setSecureContext({ ...certificate });
    },
    close,
  };
}

function send(response: ServerResponse, { status, body, contentType }: HttpAnswer, headOnly: boolean): void {
  response.writeHead(status, { "content-type": contentType ?? "text/plain; charset=utf-8" });
  response.end(headOnly ? undefined : body);
}
