import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { UnusableAnswer, type CallWebhook } from "../api/admission/admission.ts";
import { TYPE_META } from "../api/writes/body.ts";
import type { LabApi } from "../api/lab-api.ts";
import type { LabObject } from "../store/object.ts";

interface Service {
  readonly spec?: { readonly selector?: Readonly<Record<string, string>> };
}
interface Conditions {
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

/** Where an HTTPS request goes. */
interface Place {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** The name that the certificate must have, if it is not the host. */
  readonly servername?: string;
  readonly ca: string;
}

/**
 * Calls webhooks as an API server does: over TLS, trusting the caBundle, by URL or by the name of a
 * service. Errors have Go's messages. A Ready pod of the service answers; `portOf` returns its port
 * on loopback. The lab has no probes, so a pod may be Ready before its program listens: then the
 * next pod is tried.
 */
export function webhookCaller(api: LabApi, portOf: (podKey: string) => number | undefined): CallWebhook {
  return async ({ caBundle = "", service, url = "" }, review, signal) => {
    const ca = Buffer.from(caBundle, "base64").toString("utf8");
    const body = JSON.stringify(review);
    if (service === undefined) {
      const { hostname: host, port, pathname: path } = new URL(url);
      return await post({ host, port: port === "" ? 443 : Number(port), path, ca }, body, signal).catch(inGoWords);
    }
    const { name, namespace, path = "/" } = service;
    const to = { host: "127.0.0.1", path, servername: `${name}.${namespace}.svc`, ca };
    for (const key of podsBehind(api, namespace, name)) {
      const port = portOf(key);
      if (port === undefined) continue;
      try {
        return await post({ ...to, port }, body, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") inGoWords(error);
      }
    }
    throw new Error(`no endpoints available for service "${name}"`);
  };
}

const UNKNOWN_AUTHORITY = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Throws a connection error with Go's message. */
function inGoWords(error: unknown): never {
  const { code = "", address = "", port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === "ECONNREFUSED") {
    throw new Error(`dial tcp ${address}:${String(port)}: connect: connection refused`, { cause: error });
  }
  if (!UNKNOWN_AUTHORITY.has(code)) throw error;
  const why = "x509: certificate signed by unknown authority";
  throw new Error(`tls: failed to verify certificate: ${why}`, { cause: error });
}

function podsBehind(api: LabApi, namespace: string, service: string): string[] {
  const isIn = ({ metadata }: LabObject): boolean => metadata.namespace === namespace;
  const found = api.objects("services").find((each) => isIn(each) && each.metadata.name === service);
  if (found === undefined) throw new Error(`service "${service}" not found`);
  const selector = Object.entries((found as Service).spec?.selector ?? {});
  if (selector.length === 0) return [];
  return api
    .objects("pods")
    .filter(
      (pod) => isIn(pod) && isReady(pod) && selector.every(([key, value]) => pod.metadata.labels?.[key] === value),
    )
    .map(({ metadata }) => `${namespace}/${metadata.name ?? ""}`);
}

function isReady({ metadata, status }: LabObject & { readonly status?: unknown }): boolean {
  const { conditions = [] } = (status as Conditions | undefined) ?? {};
  return (
    metadata.deletionTimestamp === undefined &&
    conditions.some((condition) => condition.type === "Ready" && condition.status === "True")
  );
}

function post(to: Place, body: string, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request({ ...to, method: "POST", headers, signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        try {
          resolve(readAnswer(response, text));
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

/** Throws the error of the API server's client for an unusable answer. */
function readAnswer({ headers, statusCode = 0 }: IncomingMessage, text: string): unknown {
  if (statusCode >= 500) {
    const said = headers["content-type"]?.startsWith("text/") === true ? text : "unknown";
    throw new UnusableAnswer(
      `an error on the server (${JSON.stringify(said)}) has prevented the request from succeeding`,
    );
  }
  if (statusCode === 400) throw new UnusableAnswer("the server rejected our request for an unknown reason");
  if (statusCode === 404) throw new UnusableAnswer("the server could not find the requested resource");
  if (statusCode !== 200) {
    const what = `the status code ${String(statusCode)}`;
    throw new UnusableAnswer(`the server responded with ${what} but did not return more information`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // It is taken for YAML, in which any word is a string.
    const why = `json: cannot unmarshal string into Go value of type ${TYPE_META}`;
    throw new UnusableAnswer(`couldn't get version/kind; json parse error: ${why}`, { cause: error });
  }
}
