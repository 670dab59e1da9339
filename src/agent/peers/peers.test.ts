import { webcrypto } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { connect, createServer, type ConnectionOptions, type TLSSocket } from "node:tls";
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { systemRandom } from "../../effects/node/random.ts";
import { eventually } from "../../effects/testing/eventually.fixture.ts";
import { manualClock, type ManualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { silentLog, type Log } from "../../observe/log.ts";
import { agentErrors } from "../errors.ts";
import type { TransferRequest } from "../moves/transfer-request.ts";
import type { Certificate } from "./certificates.ts";
import { frameOf, MOST_FRAME_BYTES, readFrame } from "./frames.ts";
import { headerOf, parseHeader } from "./header.ts";
import { makeCertificate } from "./make-certificate.ts";
import { requestTransfer } from "./node/request-transfer.ts";
import { serveTransfers, type ServeTransfersOptions, type TransferServer } from "./node/serve-transfers.ts";
import { ANSWER_MS, HANDSHAKE_MS, HEADER_MS, type OnTransferRequest, type Peer } from "./transfers.ts";

const REQUEST: TransferRequest = {
  volume: "pvc-1",
  epoch: 3,
  incarnation: "i-1",
  move: "move-1",
  moveUID: "m-1",
  sealing: 2,
};
const HOST = "127.0.0.1";
const never = new AbortController().signal;

let source: Certificate;
let target: Certificate;
let stranger: Certificate;
let clock: ManualClock;
let lines: string[];

beforeAll(async () => {
  const make = (): Promise<Certificate> =>
    makeCertificate({ random: systemRandom(), web: webcrypto as webcrypto.Crypto }, Date.now());
  [source, target, stranger] = await Promise.all([make(), make(), make()]);
});
beforeEach(() => {
  clock = manualClock();
  lines = [];
});

const sends = (words: string): OnTransferRequest => {
  return () =>
    Promise.resolve(async (stream) => {
      stream.end(words);
      await once(stream, "finish");
    });
};

/** Decides nothing until it is told to stop. */
function pondering(asked: () => void): OnTransferRequest {
  return (_node, _request, signal) =>
    new Promise((_resolve, reject) => {
      asked();
      signal.addEventListener("abort", () => {
        reject(signal.reason as Error);
      });
    });
}

/** A source that knows the target as node-b. */
async function serving(
  onRequest: OnTransferRequest,
  more: Partial<ServeTransfersOptions> = {},
): Promise<TransferServer> {
  const log: Log = {
    ...silentLog,
    warn: (message, fields) => {
      lines.push(`${message}: ${String(fields?.["why"])}`);
    },
  };
  const identify = (fingerprint: string): string | undefined =>
    fingerprint === target.fingerprint ? "node-b" : undefined;
  const options = { clock, log, host: HOST, port: 0, certificate: source, identify, ...more };
  const server = await serveTransfers(options, onRequest);
  onTestFinished(() => server.close());
  return server;
}

function peerAt(port: number, fingerprints = [source.fingerprint]): Peer {
  return { node: "node-a", address: HOST, port, fingerprints };
}

const ask = (peer: Peer, certificate = target, signal = never): ReturnType<typeof requestTransfer> =>
  requestTransfer({ clock, certificate }, peer, REQUEST, signal);

/** A client of TLS that keeps to no protocol. Resolves when its side of the handshake is done. */
async function rawClient(port: number, more: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: HOST, port, rejectUnauthorized: false, cert: target.cert, key: target.key, ...more });
  onTestFinished(() => {
    socket.destroy();
  });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  return socket;
}

/** A server that is not ours, on a port of its own. */
async function listening(server: ReturnType<typeof createTcpServer>): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  server.listen(0, HOST);
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

describe("a transfer between agents", () => {
  it("hands the request and the node to the source, and the raw stream to the target", async () => {
    const seen: unknown[] = [];
    const server = await serving((node, request) => {
      seen.push(node, request);
      return Promise.resolve(async (stream) => {
        stream.write("first ");
        const back = await readFrame(stream, never);
        stream.end(`then ${String(back)}`);
        await once(stream, "finish");
      });
    });
    const stream = await ask(peerAt(server.port));
    stream.write(frameOf("words"));
    expect(await text(stream)).toBe("first then words");
    expect(seen).toEqual(["node-b", REQUEST]);
  });

  it("asks for the figures of a live pass beside the request, where an older source does not look", async () => {
    expect(headerOf(REQUEST)).toEqual({ version: 1, request: REQUEST });
    const asking = { ...REQUEST, figures: true };
    expect(headerOf(asking)).toEqual({ version: 1, request: REQUEST, figures: true });
    expect(parseHeader({ version: 1, request: REQUEST, figures: true, later: 1 })).toEqual(asking);
  });

  it("loses no byte that comes right behind the answer or the header", async () => {
    const server = await serving(() =>
      Promise.resolve(async (stream) => {
        stream.end(JSON.stringify(await readFrame(stream, never)));
        await once(stream, "finish");
      }),
    );
    const socket = await rawClient(server.port);
    socket.write(Buffer.concat([frameOf(headerOf(REQUEST)), frameOf({ at: "once" })]));
    expect(await readFrame(socket, never)).toEqual({ ok: true });
    expect(await text(socket)).toBe('{"at":"once"}');
  });

  it("that the source refuses ends with its code and its words", async () => {
    const why = "the target is node node-c";
    const server = await serving(() =>
      Promise.reject(agentErrors.TRANSFER_REFUSED({ volume: "pvc-1", node: "node-a", peer: "node-b", why })),
    );
    await expect(ask(peerAt(server.port))).rejects.toMatchObject({
      code: "PEER_REFUSED",
      message:
        "the agent of node node-a refused the transfer: node node-a does not send volume pvc-1 to node node-b: the target is node node-c (AGENT_TRANSFER_REFUSED)",
    });
    expect(lines).toEqual([expect.stringContaining("refused a transfer: node node-a does not send")]);
  });

  it("goes on with a new certificate when the source shows another", async () => {
    const server = await serving(sends("bytes"));
    server.show(stranger);
    await expect(ask(peerAt(server.port))).rejects.toMatchObject({ code: "PEER_WRONG_CERTIFICATE" });
    const both = peerAt(server.port, [source.fingerprint, stranger.fingerprint]);
    expect(await text(await ask(both))).toBe("bytes");
  });

  it("ends with the signal's reason when the target gives up", async () => {
    let asked = 0;
    const server = await serving(
      pondering(() => {
        asked += 1;
      }),
    );
    const stop = new AbortController();
    const asking = ask(peerAt(server.port), target, stop.signal);
    await eventually("the source was asked", () => asked === 1);
    stop.abort(new Error("the move has gone on"));
    await expect(asking).rejects.toThrow("the move has gone on");
    await eventually("the source let go", () => lines.length === 1);
    expect(lines).toEqual(["a transfer was not served: the other agent closed the connection"]);
  });
});

describe("the source refuses, and says so in its log,", () => {
  const unasked: OnTransferRequest = () => Promise.reject(new Error("must not be asked"));
  const saysSoOnce = async (line: string | RegExp): Promise<void> => {
    await eventually("a line of the log", () => lines.length > 0);
    expect(lines).toEqual([expect.stringMatching(line)]);
  };

  it("an agent with a certificate that no StorageNode has", async () => {
    const server = await serving(unasked);
    await expect(ask(peerAt(server.port), stranger)).rejects.toMatchObject({ code: "PEER_CLOSED" });
    await saysSoOnce(`a transfer was not served: no StorageNode has the fingerprint ${stranger.fingerprint}`);
  });

  it("an agent without a certificate", async () => {
    const server = await serving(unasked);
    const socket = connect({ host: HOST, port: server.port, rejectUnauthorized: false });
    socket.on("error", () => undefined);
    await once(socket, "close");
    await saysSoOnce("a transfer was not served: it showed no certificate");
  });

  it("TLS 1.2", async () => {
    const server = await serving(unasked);
    await expect(rawClient(server.port, { maxVersion: "TLSv1.2" })).rejects.toThrow(
      /protocol version|handshake failure/,
    );
    await saysSoOnce(/an agent's connection failed: .*(unsupported protocol|version)/);
  });

  it("what is not TLS", async () => {
    const server = await serving(unasked);
    const socket = connectTcp({ host: HOST, port: server.port });
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    socket.resume();
    await once(socket, "close");
    await saysSoOnce(/an agent's connection failed: /);
  });

  it("garbage in place of a header", async () => {
    const server = await serving(unasked);
    for (const [bytes, why] of [
      [Buffer.alloc(64, 0xff), "a frame of 4294967295 bytes"],
      [frameOf("x".repeat(MOST_FRAME_BYTES)), `a frame of ${String(MOST_FRAME_BYTES + 2)} bytes`],
      [Buffer.alloc(4), "a frame of 0 bytes"],
      [Buffer.from([0, 0, 0, 2, 0x7b, 0x7b]), "JSON"],
      [frameOf({ version: 1, request: { ...REQUEST, volume: "../pvc-1" } }), "volume"],
      [frameOf({ version: 1 }), "request"],
    ] as const) {
      const socket = await rawClient(server.port);
      socket.write(bytes);
      expect(await readFrame(socket, never)).toMatchObject({
        ok: false,
        code: "PEER_BAD_FRAME",
        message: expect.stringContaining(why) as string,
      });
    }
    expect(lines).toHaveLength(6);
  });

  it("a version that it does not know, whatever else the header holds", async () => {
    const server = await serving(unasked);
    const socket = await rawClient(server.port);
    socket.write(frameOf({ version: 2, ask: "something new" }));
    expect(await readFrame(socket, never)).toMatchObject({ ok: false, code: "PEER_UNKNOWN_VERSION" });
  });

  it("an agent whose header is slow", async () => {
    const server = await serving(unasked);
    const socket = await rawClient(server.port);
    socket.write(frameOf(headerOf(REQUEST)).subarray(0, 20));
    await eventually("the source waits for the rest", () => clock.pending > 0);
    await clock.advance(HEADER_MS - 1);
    expect(lines).toEqual([]);
    await clock.advance(1);
    await saysSoOnce("a transfer was not served: it sent no request within 10 s");
    socket.resume();
    await eventually("the connection is closed", () => socket.destroyed);
  });

  it("a connection on which no handshake comes", async () => {
    const server = await serving(unasked, { handshakeMs: 50 });
    const socket = connectTcp({ host: HOST, port: server.port });
    socket.resume();
    await once(socket, "close");
    await saysSoOnce(/an agent's connection failed: .*timeout/i);
  });
});

describe("the target refuses", () => {
  it("a server with another certificate, before it has sent a word", async () => {
    const received: string[] = [];
    const server = createServer({ cert: stranger.cert, key: stranger.key }, (socket) => {
      socket.on("error", () => undefined).on("data", (data) => received.push(String(data)));
    });
    const port = await listening(server);
    await expect(ask(peerAt(port))).rejects.toMatchObject({
      code: "PEER_WRONG_CERTIFICATE",
      message: `the server at ${HOST}:${String(port)} is not the agent of node node-a: the StorageNode does not have its certificate ${stranger.fingerprint}`,
    });
    expect(received).toEqual([]);
  });

  it("a server that knows only TLS 1.2", async () => {
    const port = await listening(createServer({ cert: source.cert, key: source.key, maxVersion: "TLSv1.2" }));
    await expect(ask(peerAt(port))).rejects.toMatchObject({ code: "PEER_NOT_REACHED" });
  });

  it("a port on which nobody listens", async () => {
    const server = createTcpServer();
    const port = await listening(server);
    server.close();
    await once(server, "close");
    await expect(ask(peerAt(port))).rejects.toMatchObject({
      code: "PEER_NOT_REACHED",
      message: expect.stringContaining("ECONNREFUSED") as string,
    });
  });

  it("a server that never shakes hands", async () => {
    let connections = 0;
    const server = createTcpServer(() => {
      connections += 1;
    });
    const port = await listening(server);
    const asking = ask(peerAt(port));
    const failed = expect(asking).rejects.toMatchObject({ code: "PEER_NOT_REACHED" });
    await eventually("it is connected", () => connections === 1);
    await clock.advance(HANDSHAKE_MS);
    await failed;
  });

  it("a source that never answers", async () => {
    let asked = 0;
    const server = await serving(
      pondering(() => {
        asked += 1;
      }),
    );
    const asking = ask(peerAt(server.port));
    const failed = expect(asking).rejects.toMatchObject({ code: "PEER_NO_ANSWER" });
    await eventually("the source was asked", () => asked === 1);
    await clock.advance(ANSWER_MS);
    await failed;
  });

  it("an answer that is garbage", async () => {
    const server = createServer(
      { cert: source.cert, key: source.key, requestCert: true, rejectUnauthorized: false },
      (socket) => {
        socket.on("error", () => undefined);
        socket.write(frameOf({ ok: "yes" }));
      },
    );
    await expect(ask(peerAt(await listening(server)))).rejects.toMatchObject({ code: "PEER_BAD_FRAME" });
  });
});

describe("closing the source", () => {
  it("breaks its connections and awaits their handlers", async () => {
    let ended = false;
    const server = await serving((_node, _request) =>
      Promise.resolve(async (stream) => {
        await once(stream, "close");
        ended = true;
      }),
    );
    const stream = await ask(peerAt(server.port));
    await server.close();
    expect(ended).toBe(true);
    await eventually("the target's stream is closed", () => stream.resume().destroyed);
  });
});
