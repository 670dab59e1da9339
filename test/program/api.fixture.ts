import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeError } from "../../src/kube/errors.ts";
import type { KubeRequest } from "../../src/kube/kube.ts";
import { MemoryKube } from "../../src/kube/testing/memory-kube.fixture.ts";

/** MemoryKube behind HTTP, for programs that are started as processes of their own. */
export interface ApiServer {
  readonly kube: MemoryKube;
  readonly url: string;
  close(): Promise<void>;
}

export async function startApi(): Promise<ApiServer> {
  const kube = new MemoryKube();
  const server = createServer((request, response) => {
    answer(kube, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    kube,
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    close: () => closeServer(server),
  };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}

async function answer(kube: MemoryKube, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://api");
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  const gone = new AbortController();
  response.once("close", () => {
    gone.abort(new Error("the client has gone"));
  });
  const call: KubeRequest = {
    method: request.method as KubeRequest["method"],
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    contentType: request.headers["content-type"] ?? "",
    ...(text === "" ? {} : { body: JSON.parse(text) as unknown }),
    signal: gone.signal,
  };
  try {
    if (url.searchParams.get("watch") === "true") {
      const stream = await kube.stream(call);
      response.writeHead(200, { "content-type": "application/json" });
      response.flushHeaders();
      for await (const event of stream) response.write(`${JSON.stringify(event)}\n`);
      return;
    }
    const body = await kube.request(call);
    const plain = typeof body === "string";
    response.writeHead(200, { "content-type": plain ? "text/plain" : "application/json" });
    response.end(plain ? body : JSON.stringify(body));
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    const { code, reason, message } = error;
    response.writeHead(code === 0 ? 500 : code, { "content-type": "application/json" });
    response.end(JSON.stringify({ kind: "Status", status: "Failure", code, reason, message }));
  }
}
