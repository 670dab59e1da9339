import type { TLSSocket } from "node:tls";

/**
 * SHA-256 of the certificate that the other side has shown, as 64 hexadecimal digits in lower case;
 * undefined when it showed none.
 */
export function fingerprintOf(socket: TLSSocket): string | undefined {
  return socket.getPeerX509Certificate()?.fingerprint256.replaceAll(":", "").toLowerCase();
}

/** Seconds of silence after which the kernel asks whether the other side is still there. */
const KEEP_ALIVE_MS = 10_000;

/** Frames are small and awaited, and a peer that lost its power says nothing. */
export function tune(socket: TLSSocket): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
}
