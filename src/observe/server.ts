import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Log } from "./log.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
}

/** Answers one path. `method` is upper case. A HEAD answer's body is not sent. */
export type HttpHandler = (request: { readonly method: string }) => HttpAnswer | Promise<HttpAnswer>;

export interface ListeningServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves health, readiness and metrics over plain HTTP on all interfaces. A handler that throws
 * answers 500. Port 0 takes a free one. Rejects when the port cannot be opened.
 */
export async function serveHttp(
  options: { readonly port: number; readonly log: Log },
  handlers: Readonly<Record<string, HttpHandler>>,
): Promise<ListeningServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const method = request.method ?? "GET";
    const answer = async (): Promise<HttpAnswer> => {
      const handler = handlers[path];
      if (handler === undefined) return { status: 404, body: "404 page not found\n" };
      try {
        return await handler({ method });
      } catch (error) {
        options.log.error("an HTTP handler failed", { path, err: error });
        return { status: 500, body: "internal error\n" };
      }
    };
    void answer().then(({ status, body, contentType }) => {
      response.writeHead(status, { "content-type": contentType ?? "text/plain; charset=utf-8" });
      response.end(method === "HEAD" ? undefined : body);
    });
  });
  await listening(server, options.port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
