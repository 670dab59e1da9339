// A small API server that does what the test tells it, badly on purpose. Real sockets on 127.0.0.1,
// nothing else.
//
//   const server = await startServer();
//   server.on("GET /api/v1/nodes/a", json(node));            // answers every such request
//   server.on("GET /api/v1/pods", throttled(2), list([pod], "7")); // the first one, then the
//   second for ever
//   server.watches("/api/v1/pods"); // header is sent at once, the test plays the stream:
//   const watch = await server.nextWatch("/api/v1/pods");
//   watch.event("ADDED", pod); watch.bookmark("9"); watch.gone(); watch.reset(); watch.end();
//   server.requests[0].headers.authorization
//   await server.close(); // in afterEach: also cuts what is still open
//
// A request is named by verb and path; the verb is the method, or WATCH with `watch=true` in the
// query. A watch on which the test does nothing is the silent one. A server that answers nothing at
// all (half-open) is `hold()`. Resets work over plain HTTP only.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TlsOptions } from "node:tls";

/** One request as it came in. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** 1 for the first TCP connection the server got, and so on. */
  readonly connection: number;
}

/** What the server does with one request. */
export type Behaviour = (request: SeenRequest, response: ServerResponse) => void;

/** Answers with a JSON document. */
export function json(body: unknown, code = 200, headers: Record<string, string> = {}): Behaviour {
  return (_request, response) => {
    response.writeHead(code, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  };
}

/** Answers with a page of a list, of the given resourceVersion. */
export function list(items: readonly unknown[], resourceVersion: string, next?: string): Behaviour {
  return json({ kind: "List", apiVersion: "v1", metadata: { resourceVersion, continue: next }, items });
}

/** Answers with a Status, as an API server does with every error. */
export function status(
  code: number,
  reason: string,
  more: { message?: string; details?: unknown; retryAfter?: number | undefined } = {},
): Behaviour {
  const { message = `${reason} on purpose`, details, retryAfter } = more;
  const body = { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message, details };
  return json(body, code, retryAfter === undefined ? {} : { "retry-after": String(retryAfter) });
}

/** 429, with or without Retry-After. */
export const throttled = (retryAfter?: number): Behaviour => status(429, "TooManyRequests", { retryAfter });

/** 410: the resourceVersion or the continue token is too old. */
export const gone = (): Behaviour => status(410, "Expired");

/** 401 until the request carries this bearer token, then what `then` does. */
export function onlyWithToken(token: () => string, then: Behaviour): Behaviour {
  return (request, response) => {
    const right = request.headers.authorization === `Bearer ${token()}`;
    (right ? then : status(401, "Unauthorized"))(request, response);
  };
}

/** Answers with something that is not JSON. */
export function garbage(code = 200, text = "<html>it is not me whom you wanted</html>"): Behaviour {
  return (_request, response) => {
    response.writeHead(code, { "content-type": "text/html" }).end(text);
  };
}

/** Speaks another protocol. */
export const notHttp = (): Behaviour => (_request, response) => {
  response.socket?.end("SSH-2.0-OpenSSH_9.2p1\r\n");
};

/** Takes the request and resets the connection. */
export const resetBeforeAnswer = (): Behaviour => (_request, response) => {
  response.socket?.resetAndDestroy();
};

/** Sends the header and a part of the body, then resets the connection in the middle of a chunk. */
export function resetInBody(part = '{"kind":"PodList","items":[{"kin'): Behaviour {
  return (_request, response) => {
    response.writeHead(200, { "content-type": "application/json", "transfer-encoding": "chunked" });
    response.flushHeaders();
    // The chunk is announced longer than what comes.
    const { socket } = response;
    socket?.write(`${(part.length + 1000).toString(16)}\r\n${part}`, () => socket.resetAndDestroy());
  };
}

/**
 * Takes the request and says nothing, until the test calls `release`: a slow header, or (never
 * released) a half-open connection.
 */
export function hold(then: Behaviour = json({})): { readonly behaviour: Behaviour; readonly release: () => void } {
  const waiting: (() => void)[] = [];
  let released = false;
  return {
    behaviour: (request, response) => {
      const act = (): void => then(request, response);
      if (released) act();
      else waiting.push(act);
    },
    release: () => {
      released = true;
      for (const act of waiting.splice(0)) act();
    },
  };
}

/** One open watch, played by the test. */
export class OpenWatch {
  readonly request: SeenRequest;
  /** True once the client (or this side) has closed the connection. */
  closed = false;
  readonly #response: ServerResponse;

  constructor(request: SeenRequest, response: ServerResponse) {
    this.request = request;
    this.#response = response;
    response.on("close", () => (this.closed = true));
    response.on("error", () => undefined);
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
  }

  event(type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR", object: unknown): void {
    this.raw(`${JSON.stringify({ type, object })}\n`);
  }

  bookmark(resourceVersion: string, annotations?: Record<string, string>): void {
    this.event("BOOKMARK", { metadata: { resourceVersion, annotations } });
  }

  /** The ERROR event of a resourceVersion that is too old. */
  gone(): void {
    this.error(410, "Expired");
  }

  error(code: number, reason: string): void {
    this.event("ERROR", { kind: "Status", status: "Failure", code, reason, message: `${reason} on purpose` });
  }

  /**
   * Sends these bytes in a chunk of their own. False when the client reads slower than this side
   * writes.
   */
  raw(bytes: string | Uint8Array): boolean {
    return this.#response.write(bytes);
  }

  /** Bytes that were written and that the client has not taken. */
  get backlog(): number {
    return this.#response.writableLength + (this.#response.socket?.writableLength ?? 0);
  }

  /** Resolves when the client has taken what was written. */
  drained(): Promise<void> {
    if (!this.#response.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => this.#response.once("drain", () => resolve()));
  }

  /** Ends the stream properly, as a server does at `timeoutSeconds`. */
  end(): void {
    this.#response.end();
  }

  /** Resets the connection in the middle of a chunk. */
  reset(): void {
    const { socket } = this.#response;
    socket?.write('ffff\r\n{"type":"ADDED","obj', () => socket.resetAndDestroy());
  }
}

/** A running server. */
export interface MisbehavingServer {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly SeenRequest[];
  /** TCP connections ever made, and those open now. */
  readonly connections: { readonly made: number; readonly open: number };
  /**
   * Sets what `verb path` does: the behaviours one after the other, the last one from then on.
   * Unknown requests get a 404.
   */
  on(verbAndPath: string, ...behaviours: [Behaviour, ...Behaviour[]]): void;
  /** Opens every watch of this path and hands it to `nextWatch`. */
  watches(path: string): void;
  /** The next watch that was opened at this path, in order; waits for it. */
  nextWatch(path: string): Promise<OpenWatch>;
  /** The requests of one verb and path. */
  seen(verbAndPath: string): readonly SeenRequest[];
  close(): Promise<void>;
}

/** Starts a server on a free port of 127.0.0.1; with `tls` an HTTPS one. */
export async function startServer(options: { tls?: TlsOptions; port?: number } = {}): Promise<MisbehavingServer> {
  const requests: SeenRequest[] = [];
  const routes = new Map<string, Behaviour[]>();
  const watches = new Map<string, { ready: OpenWatch[]; waiting: ((watch: OpenWatch) => void)[] }>();
  const numbers = new WeakMap<Socket, number>();
  const sockets = new Set<Socket>();
  let made = 0;

  const watchesOf = (path: string): { ready: OpenWatch[]; waiting: ((watch: OpenWatch) => void)[] } => {
    const known = watches.get(path) ?? { ready: [], waiting: [] };
    watches.set(path, known);
    return known;
  };

  const listener = (message: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(message.url ?? "/", "http://server");
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("error", () => undefined);
    message.on("end", () => {
      const request: SeenRequest = {
        method: message.method ?? "",
        path: url.pathname,
        query: url.searchParams,
        headers: message.headers,
        body: Buffer.concat(chunks).toString("utf8"),
        connection: numbers.get(message.socket) ?? 0,
      };
      requests.push(request);
      const behaviours = routes.get(nameOf(request)) ?? [status(404, "NotFound")];
      const behaviour = behaviours.length > 1 ? behaviours.shift() : behaviours[0];
      behaviour?.(request, response);
    });
  };

  const server = options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
  server.keepAliveTimeout = 60_000;
  server.on(options.tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
    numbers.set(socket, ++made);
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;

  const on = (verbAndPath: string, ...behaviours: [Behaviour, ...Behaviour[]]): void => {
    routes.set(verbAndPath, [...behaviours]);
  };

  return {
    url: `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    port,
    requests,
    connections: {
      get made() {
        return made;
      },
      get open() {
        return sockets.size;
      },
    },
    on,
    watches: (path) => {
      on(`WATCH ${path}`, (request, response) => {
        const watch = new OpenWatch(request, response);
        const { ready, waiting } = watchesOf(path);
        const taker = waiting.shift();
        if (taker === undefined) ready.push(watch);
        else taker(watch);
      });
    },
    nextWatch: (path) => {
      const { ready, waiting } = watchesOf(path);
      const watch = ready.shift();
      if (watch !== undefined) return Promise.resolve(watch);
      return new Promise((resolve) => waiting.push(resolve));
    },
    seen: (verbAndPath) => requests.filter((request) => nameOf(request) === verbAndPath),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function nameOf(request: SeenRequest): string {
  const verb = request.query.get("watch") === "true" ? "WATCH" : request.method;
  return `${verb} ${request.path}`;
}
