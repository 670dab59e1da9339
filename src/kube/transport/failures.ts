import { KubeError } from "../errors.ts";

/**
 * No connection was made, so nothing was sent. A connect time-out belongs here too: what matters to
 * the caller is that the server has not seen the request.
 */
const NOT_CONNECTED = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** The connection was made and then broke. */
const BROKEN = new Set([
  "ECONNRESET",
  "EPIPE",
  "ECONNABORTED",
  "ETIMEDOUT",
  "UND_ERR_SOCKET",
  "UND_ERR_CLOSED",
  "UND_ERR_DESTROYED",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
]);

/**
 * The KubeError (code 0) of a request or stream that failed below HTTP. `what` is its method and
 * URL.
 */
export function connectionError(what: string, error: unknown): KubeError {
  const code = codeOf(error);
  const text = textOf(error);
  const make = (reason: string, message: string): KubeError =>
    new KubeError({ code: 0, reason, message: `${what}: ${message}` }, { cause: error });
  if (NOT_CONNECTED.has(code) || (code === "ETIMEDOUT" && syscallOf(error) === "connect")) {
    return make("ConnectionRefused", `no connection to the API server (${text}); is it running and reachable?`);
  }
  if (text.startsWith("Proxy response")) {
    return make(
      "ConnectionRefused",
      `the proxy does not let us through (${text}); see proxy-url, HTTPS_PROXY and NO_PROXY`,
    );
  }
  if (BROKEN.has(code)) return make("ConnectionReset", `the connection broke (${text})`);
  if (/^(CERT_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|UND_ERR_PRX_TLS)/.test(code)) {
    return make(
      "BadResponse",
      `TLS failed (${code}: ${text}); check the certificate authority, tls-server-name and the client certificate`,
    );
  }
  return make("BadResponse", `what came is not HTTP (${text}); is this the URL of an API server?`);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

function syscallOf(error: unknown): unknown {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  return first instanceof Error && "syscall" in first ? first.syscall : undefined;
}

/** A host with several addresses fails with one error per address, under one without a message. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") {
    return error.errors.map((one) => (one instanceof Error ? one.message : String(one))).join(", ");
  }
  return error instanceof Error ? error.message : String(error);
}
