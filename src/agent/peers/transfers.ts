/*
 * A connection between two agents, up to the first byte of a volume.
 *
 *   target                                     source
 *   TLS 1.3, both show a certificate   <-->    knows the target by its fingerprint;
 *   knows the source by its fingerprint        unknown: closed
 *   frame {version, request}            -->    asks its caller, who may refuse
 *                                       <--    frame {ok} or {code, message}, then closed
 *   raw stream                         <-->    raw stream
 *
 * No certificate authority is trusted. The fingerprint must be in the other node's StorageNode, and
 * TLS proves that the peer has the key. Each step has a deadline, so that a silent peer costs only
 * one socket for 10 s.
 */
import type { Duplex } from "node:stream";
import type { TransferRequest } from "../moves/transfer-request.ts";

/** The agent to connect to, from its StorageNode. */
export interface Peer {
  readonly node: string;
  readonly address: string;
  readonly port: number;
  readonly fingerprints: readonly string[];
}

/** Sends the volume over the stream, and resolves when that is done. The stream is then closed. */
export type SendVolume = (stream: Duplex) => Promise<void>;

/**
 * Decides whether the agent of `node` may have what it asks for. Rejects when not: a coded error's
 * code and message go back to that agent. What it resolves with is called as soon as the consent is
 * sent.
 */
export type OnTransferRequest = (node: string, request: TransferRequest, signal: AbortSignal) => Promise<SendVolume>;

/** For the TLS handshake. */
export const HANDSHAKE_MS = 10_000;
/** From the handshake to the end of the header. */
export const HEADER_MS = 10_000;
/** From the header to the answer: the source reads several objects uncached. */
export const ANSWER_MS = 30_000;
