// The lab over real HTTP or HTTPS: authentication, bodies, streams. Everything else is in LabApi.
import {
  createServer as createHttp,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { Failure } from "../api/errors/failure.ts";
import type { LabApi } from "../api/lab-api.ts";
import { ADMIN, Dropped, type LabAnswer, type LabStream, type LabUser } from "../api/request.ts";
import { readBody } from "./read-body.ts";
import { kubeconfig } from "./kubeconfig.ts";

export interface ServeOptions {
  /** @default 0: a free one */
  readonly port?: number;
  /** @default "127.0.0.1" */
  readonly host?: string;
  /**
   * PEM. Without it plain HTTP is spoken, which carries no tokens from kubectl. `ca` is what
   * clients are to trust; `cert` itself if not given.
   */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** Bearer tokens. Those that the lab issues (service accounts, `kubeconfig`) are good as well. */
  readonly tokens?: ReadonlyMap<string, LabUser>;
  /** The user of a request without a token. @default the administrator; with `tokens` a 401 */
  readonly anonymous?: LabUser;
  /**
   * Cuts streams into chunks of so many bytes, in the middle of characters too: what a client must
   * bear. @default whole events
   */
  readonly chunkBytes?: number;
}

export interface ServedLab {
  /** `http://127.0.0.1:12345` */
  readonly url: string;
  readonly port: number;
  /**
   * A kubeconfig with a token of its own for this user; for the administrator when none is given.
   */
  kubeconfig(user?: LabUser): string;
  /** Cuts all connections and keeps the state: the API server has crashed. */
  cut(): void;
  close(): Promise<void>;
}

const JSON_TYPE = "application/json";
/** Tokens of kubeconfigs outlive every run. */
const YEARS = 10 * 365 * 24 * 3600;

/** Serves the lab. Rejects when the port cannot be had. */
export async function serveLab(api: LabApi, options: ServeOptions = {}): Promise<ServedLab> {
  for (const [token, user] of options.tokens ?? []) api.tokens.add(token, user);
  const { tls, host = "127.0.0.1" } = options;
  const onRequest: RequestListener = (request, response) => {
    void answer(api, options, request, response);
  };
  const server: Server =
    tls === undefined ? createHttp(onRequest) : createHttps({ cert: tls.cert, key: tls.key }, onRequest);
  server.keepAliveTimeout = 60_000;
  server.requestTimeout = 0;
  await listening(server, options.port ?? 0, host);
  const { port } = server.address() as AddressInfo;
  const url = `${tls === undefined ? "http" : "https"}://${host}:${String(port)}`;
  return {
    url,
    port,
    kubeconfig: (user = ADMIN) =>
      kubeconfig({ url, ca: tls?.ca ?? tls?.cert, user: user.name, token: api.tokens.issue(user, YEARS).token }),
    cut: () => {
      server.closeAllConnections();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** Must not reject: what goes wrong with the connection ends in the connection. */
async function answer(
  api: LabApi,
  options: ServeOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => {
    gone.abort(new Dropped(true));
  });
  try {
    const result = await carryOut(api, options, request, gone.signal);
    if ("stream" in result) await sendStream(response, result.stream, options.chunkBytes);
    else send(response, result);
  } catch (error) {
    // A fault switch, or the client has disconnected: there is no one to answer.
    if (error instanceof Failure) send(response, { code: error.status.code, body: error.status });
    else response.destroy();
  }
}

async function carryOut(
  api: LabApi,
  options: ServeOptions,
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<LabAnswer> {
  const url = new URL(request.url ?? "/", "http://lab");
  const user = userOf(api, options, request.headers.authorization);
  const body = await readBody(request);
  return await api.handle({
    method: request.method ?? "GET",
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    body,
    contentType: request.headers["content-type"] ?? JSON_TYPE,
    accept: request.headers.accept ?? JSON_TYPE,
    user,
    signal,
  });
}

/** Throws a 401 for an unknown token, and for a missing one where a token is required. */
function userOf(api: LabApi, { tokens, anonymous }: ServeOptions, authorization: string | undefined): LabUser {
  const token = /^Bearer (.+)$/i.exec(authorization ?? "")?.[1];
  const user =
    token === undefined ? (anonymous ?? (tokens === undefined ? ADMIN : undefined)) : api.tokens.userOf(token);
  if (user === undefined) throw new Failure(401, "Unauthorized", "Unauthorized");
  return user;
}

function send(response: ServerResponse, answered: Exclude<LabAnswer, { stream: LabStream }>): void {
  const { code, body, contentType, warnings = [] } = answered;
  const text = typeof body === "string" ? body : `${JSON.stringify(body)}\n`;
  const details = (body as { details?: { retryAfterSeconds?: number } } | undefined)?.details;
  const retryAfter = code >= 400 ? details?.retryAfterSeconds : undefined;
  response.setHeader("content-type", contentType ?? JSON_TYPE);
  response.setHeader("content-length", Buffer.byteLength(text));
  response.setHeader("cache-control", "no-cache, private");
  if (retryAfter !== undefined) response.setHeader("retry-after", String(retryAfter));
  for (const each of warnings) response.appendHeader("warning", `299 - ${JSON.stringify(each)}`);
  response.writeHead(code);
  response.end(text);
}

/**
 * Sends each document as a line of its own, as soon as it is there, and no faster than the client
 * reads.
 */
async function sendStream(response: ServerResponse, stream: LabStream, chunkBytes: number | undefined): Promise<void> {
  response.once("close", () => {
    stream.close();
  });
  response.writeHead(200, { "content-type": JSON_TYPE, "cache-control": "no-cache, private" });
  response.flushHeaders();
  for await (const document of stream) {
    for (const piece of pieces(Buffer.from(`${JSON.stringify(document)}\n`), chunkBytes)) {
      if (!response.write(piece)) await drained(response);
    }
    if (response.destroyed) return;
  }
  response.end();
}

function* pieces(bytes: Buffer, size: number | undefined): Generator<Buffer> {
  const step = size ?? bytes.length;
  for (let start = 0; start < bytes.length; start += step) yield bytes.subarray(start, start + step);
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
