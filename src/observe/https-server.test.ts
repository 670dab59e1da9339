import { request, Agent } from "node:https";
import { connect as connectPlain } from "node:net";
import { connect, type PeerCertificate } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../effects/node/clock.ts";
import { manualClock } from "../effects/testing/manual-clock.fixture.ts";
import { certificate, key } from "./testing/pems.fixture.ts";
import { recordingLog } from "./testing/recording-log.fixture.ts";
import { serveHttps, type HttpsHandler, type HttpsServer } from "./https-server.ts";

const server1 = { cert: certificate("server"), key: key("server") };
const server2 = { cert: certificate("named-server"), key: key("named-server") };
const MIB = 1024 * 1024;

const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function serve(handler: HttpsHandler, clock = systemClock()) {
  const log = recordingLog();
  const server = await serveHttps({ port: 0, certificate: server1, clock, log }, handler);
  cleanups.push(() => server.close());
  return { server, log };
}

interface Reply {
  readonly status: number;
  readonly body: string;
  readonly reusedSocket: boolean;
  readonly connection: string | undefined;
}

function newAgent(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: certificate("ca") });
  cleanups.push(() => {
    agent.destroy();
  });
  return agent;
}

interface Call {
  readonly method?: string;
  readonly path?: string;
  readonly body?: string | Buffer;
  readonly headers?: Record<string, string>;
}

function call(server: HttpsServer, agent: Agent, { method = "POST", path = "/", body = "", headers = {} }: Call) {
  return new Promise<Reply>((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port: server.port, method, path, agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        resolve({
          status: response.statusCode ?? 0,
          body: text,
          reusedSocket: sent.reusedSocket,
          connection: response.headers.connection,
        });
      });
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function shownCertificate(server: HttpsServer): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: server.port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

const text = (body: Uint8Array): string => new TextDecoder().decode(body);

describe("the HTTPS server", () => {
  it("hands method, path, headers and body to its handler", async () => {
    const { server } = await serve(({ method, path, headers, body }) => ({
      status: 201,
      body: `${method} ${path} ${String(headers["x-test"])} ${text(body)}`,
    }));
    const reply = await call(server, newAgent(), {
      method: "PUT",
      path: "/a/b?c=d",
      body: "héllo",
      headers: { "X-Test": "yes" },
    });
    expect(reply).toMatchObject({ status: 201, body: "PUT /a/b yes héllo" });
  });

  it("keeps a connection for the next request", async () => {
    const { server } = await serve(() => ({ status: 200, body: "ok" }));
    const agent = newAgent();
    expect((await call(server, agent, { body: "one" })).reusedSocket).toBe(false);
    expect((await call(server, agent, { body: "two" })).reusedSocket).toBe(true);
  });

  it("takes a body of 3 MiB", async () => {
    const { server } = await serve(({ body }) => ({ status: 200, body: String(body.length) }));
    const reply = await call(server, newAgent(), { body: Buffer.alloc(3 * MIB) });
    expect(reply).toMatchObject({ status: 200, body: String(3 * MIB) });
  });

  it("answers 413 to more, announced or not, and never asks the handler", async () => {
    const asked: string[] = [];
    const { server } = await serve(({ path }) => {
      asked.push(path);
      return { status: 200, body: "" };
    });
    const body = Buffer.alloc(3 * MIB + 1);
    expect(await call(server, newAgent(), { body })).toMatchObject({ status: 413 });
    const headers = { "transfer-encoding": "chunked" };
    expect(await call(server, newAgent(), { body, headers })).toMatchObject({ status: 413 });
    expect(asked).toEqual([]);
  });

  it("answers 500 when its handler throws, and logs why", async () => {
    const { server, log } = await serve(() => {
      throw new Error("no idea");
    });
    expect(await call(server, newAgent(), { path: "/x" })).toMatchObject({ status: 500, body: "internal error\n" });
    expect(log.lines).toEqual([
      { level: "error", msg: "an HTTPS handler failed", fields: { path: "/x", err: new Error("no idea") } },
    ]);
  });

  it("shows a new certificate to new connections, and keeps the open ones", async () => {
    const { server } = await serve(() => ({ status: 200, body: "ok" }));
    const agent = newAgent();
    await call(server, agent, {});
    expect((await shownCertificate(server)).subjectaltname).toContain("127.0.0.1");
    server.exchange(server2);
    expect((await shownCertificate(server)).subjectaltname).toBe("DNS:kubernetes.test");
    expect((await call(server, agent, {})).reusedSocket).toBe(true);
  });

  it("refuses a certificate that is no good, and keeps the old one", async () => {
    const { server } = await serve(() => ({ status: 200, body: "ok" }));
    expect(() => {
      server.exchange({ cert: server2.cert, key: server1.key });
    }).toThrow(/key/);
    expect((await shownCertificate(server)).subjectaltname).toContain("127.0.0.1");
    expect(await call(server, newAgent(), {})).toMatchObject({ status: 200 });
  });

  it("does not answer plain HTTP", async () => {
    const { server } = await serve(() => ({ status: 200, body: "ok" }));
    const received = await new Promise<string>((resolve, reject) => {
      const socket = connectPlain(server.port, "127.0.0.1", () => {
        socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      });
      let all = "";
      socket.setEncoding("latin1").on("data", (chunk: string) => (all += chunk));
      socket.on("close", () => {
        resolve(all);
      });
      socket.on("error", reject);
    });
    expect(received).not.toContain("HTTP/1.1");
  });

  it("aborts the handler's signal when the client goes away", async () => {
    let reached: () => void = () => undefined;
    const inHandler = new Promise<void>((resolve) => {
      reached = resolve;
    });
    let aborted: (reason: unknown) => void = () => undefined;
    const end = new Promise<unknown>((resolve) => {
      aborted = resolve;
    });
    const { server } = await serve(async ({ signal }) => {
      reached();
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => {
          aborted(signal.reason);
          resolve();
        });
      });
      return { status: 200, body: "" };
    });
    const agent = newAgent();
    const failed = call(server, agent, {}).catch((error: unknown) => error);
    await inHandler;
    agent.destroy();
    expect(await end).toEqual(new Error("the client has closed the connection"));
    expect(await failed).toBeInstanceOf(Error);
  });
});

describe("closing", () => {
  it("lets the request in work end, and takes no more", async () => {
    let reached: () => void = () => undefined;
    const inHandler = new Promise<void>((resolve) => {
      reached = resolve;
    });
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { server } = await serve(async () => {
      reached();
      await finished;
      return { status: 200, body: "done" };
    }, manualClock());
    const reply = call(server, newAgent(), {});
    await inHandler;
    const closed = server.close();
    await expect(call(server, newAgent(), {})).rejects.toThrow(/ECONNREFUSED/);
    finish();
    expect(await reply).toMatchObject({ status: 200, body: "done", connection: "close" });
    await closed;
  });

  it("ends idle connections at once", async () => {
    const { server } = await serve(() => ({ status: 200, body: "ok" }), manualClock());
    await call(server, newAgent(), {});
    await server.close();
  });

  it("ends a request that is still in work after two seconds", async () => {
    let reached: () => void = () => undefined;
    const inHandler = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const clock = manualClock();
    const signals: AbortSignal[] = [];
    const { server } = await serve(({ signal }) => {
      signals.push(signal);
      reached();
      return new Promise(() => undefined);
    }, clock);
    const failed = call(server, newAgent(), {}).catch((error: unknown) => error);
    await inHandler;
    const closed = server.close();
    await clock.advance(1999);
    expect(signals[0]?.aborted).toBe(false);
    await clock.advance(1);
    await closed;
    expect(signals[0]?.aborted).toBe(true);
    expect(await failed).toBeInstanceOf(Error);
  });
});
