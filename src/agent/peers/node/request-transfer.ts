import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { deadline, type Clock } from "../../../effects/clock.ts";
import { CodedError, messageOf } from "../../../observe/errors.ts";
import type { TransferRequest } from "../../moves/transfer-request.ts";
import type { Certificate } from "../certificates.ts";
import { peerErrors } from "../errors.ts";
import { frameOf, readFrame } from "../frames.ts";
import { headerOf, parseAnswer, type TransferAnswer } from "../header.ts";
import { ANSWER_MS, HANDSHAKE_MS, type Peer } from "../transfers.ts";
import type { InPlaceStream } from "../../transfer/wire/in-place.ts";
import { connectInPlace } from "./connect-in-place.ts";
import { fingerprintOf, tune } from "./fingerprint.ts";

export interface RequestTransferOptions {
  readonly clock: Clock;
  /** The certificate to show. */
  readonly certificate: Certificate;
}

/**
 * Asks the agent of a node for a volume. Resolves with the stream on which it comes. Rejects with
 * an error of peers/errors.ts or with the signal's reason, and leaves no connection then.
 */
export async function requestTransfer(
  options: RequestTransferOptions,
  peer: Peer,
  request: TransferRequest,
  signal: AbortSignal,
): Promise<InPlaceStream> {
  const socket = await connectTo(options, peer, signal);
  try {
    checkCertificate(socket, peer);
    socket.write(frameOf(headerOf(request)));
    const answer = await answerOf(socket, options, peer, signal);
    if (!answer.ok) throw peerErrors.REFUSED({ node: peer.node, ...answer });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function connectTo(
  { certificate, clock }: RequestTransferOptions,
  peer: Peer,
  signal: AbortSignal,
): Promise<TLSSocket & InPlaceStream> {
  signal.throwIfAborted();
  const { cert, key } = certificate;
  const socket = connectInPlace({
    host: peer.address,
    port: peer.port,
    cert,
    key,
    minVersion: "TLSv1.3",
    // Agents sign their own certificates: checkCertificate looks at the fingerprint.
    rejectUnauthorized: false,
  });
  // Errors after this function has ended reach whoever reads or writes; here they only must not end
  // the process.
  socket.on("error", () => undefined);
  const limit = deadline(clock, HANDSHAKE_MS, signal);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve).once("error", reject);
      socket.once("close", () => {
        reject(new Error("it closed the connection"));
      });
      limit.signal.addEventListener("abort", () => {
        reject(limit.signal.reason as Error);
      });
    });
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw peerErrors.NOT_REACHED(
      { node: peer.node, address: addressOf(peer), why: messageOf(error) },
      { cause: error },
    );
  } finally {
    limit.clear();
  }
  tune(socket);
  return socket;
}

function checkCertificate(socket: TLSSocket, peer: Peer): void {
  const fingerprint = fingerprintOf(socket) ?? "(none)";
  if (peer.fingerprints.includes(fingerprint)) return;
  throw peerErrors.WRONG_CERTIFICATE({ node: peer.node, address: addressOf(peer), fingerprint });
}

async function answerOf(
  socket: TLSSocket,
  { clock }: RequestTransferOptions,
  peer: Peer,
  signal: AbortSignal,
): Promise<TransferAnswer> {
  const limit = deadline(clock, ANSWER_MS, signal);
  const where = { node: peer.node, address: addressOf(peer) };
  try {
    return parseAnswer(await readFrame(socket, limit.signal));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CodedError) throw error;
    // With TLS 1.3 a client learns only now that the server did not like its certificate.
    if (limit.signal.aborted) throw peerErrors.NO_ANSWER({ ...where, seconds: ANSWER_MS / 1000 });
    throw peerErrors.CLOSED({ ...where, why: messageOf(error) }, { cause: error });
  } finally {
    limit.clear();
  }
}

function addressOf({ address, port }: Peer): string {
  return `${isIP(address) === 6 ? `[${address}]` : address}:${String(port)}`;
}
