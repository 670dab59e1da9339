import { constants } from "node:crypto";
import type { AddressInfo, Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { deadline, type Clock } from "../../../effects/clock.ts";
import { CodedError, messageOf } from "../../../observe/errors.ts";
import type { Log } from "../../../observe/log.ts";
import type { Certificate } from "../certificates.ts";
import { frameOf, readFrame } from "../frames.ts";
import { parseHeader, type TransferAnswer } from "../header.ts";
import { HANDSHAKE_MS, HEADER_MS, type OnTransferRequest, type SendVolume } from "../transfers.ts";
import { fingerprintOf, tune } from "./fingerprint.ts";

export interface ServeTransfersOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Where to listen; port 0 for any. @default all addresses */
  readonly host?: string;
  readonly port: number;
  readonly certificate: Certificate;
  /** For the TLS handshake. @default HANDSHAKE_MS */
  readonly handshakeMs?: number;
  /** The node whose StorageNode has this fingerprint. */
  readonly identify: (fingerprint: string) => string | undefined;
}

/** The source's side. */
export interface TransferServer {
  readonly port: number;
  /** Shows another certificate to whoever connects from now on. */
  show(certificate: Certificate): void;
  /** Stops listening and breaks all connections; resolves when their handlers have ended. */
  close(): Promise<void>;
}

/** Connections at a time. A node sends few volumes at once; the rest is somebody's mistake. */
const MOST_CONNECTIONS = 256;
/** So long a connection on which all is said may stay open. */
const LINGER_MS = 10_000;
/** Of the answer, the most that a peer reads (header.ts). */
const MOST_MESSAGE = 4096;

/** Listens for agents that ask for a volume. Rejects when the port cannot be had. */
export async function serveTransfers(
  options: ServeTransfersOptions,
  onRequest: OnTransferRequest,
): Promise<TransferServer> {
  const { log } = options;
  const sockets = new Set<Socket>();
  const handlers = new Set<Promise<void>>();
  const stop = new AbortController();
  const server = createServer({
    ...keyOf(options.certificate),
    minVersion: "TLSv1.3",
    requestCert: true,
    // Agents sign their own certificates: the fingerprint is looked at below.
    rejectUnauthorized: false,
    handshakeTimeout: options.handshakeMs ?? HANDSHAKE_MS,
    // A resumed session would outlive the StorageNode that vouched for it.
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
    log.warn("an agent's connection failed", { from: socket.remoteAddress, why: error.message });
    // After a timeout Node leaves it open.
    socket.destroy();
  });
  server.on("secureConnection", (socket) => {
    const from = socket.remoteAddress;
    socket.on("error", (error) => {
      log.debug("a connection with an agent broke", { from, why: error.message });
    });
    tune(socket);
    const handled = handle(socket, options, onRequest, stop.signal).catch((error: unknown) => {
      log.warn("a transfer was not served", { from, why: messageOf(error) });
      socket.destroy();
    });
    handlers.add(handled);
    void handled.finally(() => handlers.delete(handled));
  });
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    show: (certificate) => {
      server.setSecureContext({
        ...keyOf(certificate),
        minVersion: "TLSv1.3",
        secureOptions: constants.SSL_OP_NO_TICKET,
      });
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      stop.abort(new Error("the agent ends"));
      for (const socket of sockets) socket.destroy();
      await Promise.all(handlers);
      await closed;
    },
  };
}

function keyOf({ cert, key }: Certificate): Pick<Certificate, "cert" | "key"> {
  return { cert, key };
}

function listen(server: Server, { host, port }: ServeTransfersOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function handle(
  socket: TLSSocket,
  { clock, identify, log }: ServeTransfersOptions,
  onRequest: OnTransferRequest,
  stop: AbortSignal,
): Promise<void> {
  const fingerprint = fingerprintOf(socket);
  if (fingerprint === undefined) throw new Error("it showed no certificate");
  const node = identify(fingerprint);
  if (node === undefined) throw new Error(`no StorageNode has the fingerprint ${fingerprint} of its certificate`);
  const gone = new AbortController();
  socket.once("close", () => {
    gone.abort(new Error("the other agent closed the connection"));
  });
  const send = await decide(socket, node, clock, onRequest, AbortSignal.any([stop, gone.signal]));
  if ("ok" in send) {
    log.warn("refused a transfer", { to: node, code: send.code, why: send.message });
    socket.write(frameOf(send));
  } else {
    const consent: TransferAnswer = { ok: true };
    socket.write(frameOf(consent));
    await send.volume(socket);
  }
  finish(socket, clock);
}

/** Says the last word, and closes the connection soon also when the other side does not. */
function finish(socket: TLSSocket, clock: Clock): void {
  if (socket.destroyed) return;
  const cancel = clock.after(LINGER_MS, () => socket.destroy());
  socket.once("close", cancel);
  socket.end();
  // Without a reader the end of the other side's data would not be seen.
  socket.resume();
}

async function decide(
  socket: TLSSocket,
  node: string,
  clock: Clock,
  onRequest: OnTransferRequest,
  signal: AbortSignal,
): Promise<Extract<TransferAnswer, { ok: false }> | { readonly volume: SendVolume }> {
  const limit = deadline(clock, HEADER_MS, signal);
  try {
    const request = parseHeader(await readFrame(socket, limit.signal));
    limit.clear();
    return { volume: await onRequest(node, request, signal) };
  } catch (error) {
    if (limit.signal.aborted && !signal.aborted) {
      throw new Error(`it sent no request within ${String(HEADER_MS / 1000)} s`, { cause: error });
    }
    if (!(error instanceof CodedError)) throw error;
    return { ok: false, code: error.code, message: error.message.slice(0, MOST_MESSAGE) };
  } finally {
    limit.clear();
  }
}
