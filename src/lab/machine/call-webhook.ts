import { request } from "node:https";
import type { CallWebhook } from "../api/admission.ts";
import type { LabApi } from "../api/lab-api.ts";
import type { LabObject } from "../store/object.ts";

interface Service {
  readonly spec?: { readonly selector?: Readonly<Record<string, string>> };
}
interface Conditions {
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

/**
 * Calls webhooks as an API server does: over TLS, trusting the caBundle, by the service's name. A
 * Ready pod behind the service answers; `portOf` tells where on loopback it listens. There are no
 * probes here, so a pod counts as Ready before its program listens: the next one is asked then.
 */
export function webhookCaller(api: LabApi, portOf: (podKey: string) => number | undefined): CallWebhook {
  return async ({ caBundle = "", service }, review, signal) => {
    if (service === undefined) throw new Error("the lab calls webhooks by their service only");
    const { name, namespace, path = "/" } = service;
    const ports = podsBehind(api, namespace, name).flatMap((key) => portOf(key) ?? []);
    const ca = Buffer.from(caBundle, "base64").toString("utf8");
    const to = { path, servername: `${name}.${namespace}.svc`, ca };
    for (const port of ports) {
      try {
        return await post({ ...to, port }, JSON.stringify(review), signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") throw error;
      }
    }
    throw new Error(`no endpoints available for service "${name}"`);
  };
}

function podsBehind(api: LabApi, namespace: string, service: string): string[] {
  const isIn = ({ metadata }: LabObject): boolean => metadata.namespace === namespace;
  const found = api.objects("services").find((each) => isIn(each) && each.metadata.name === service);
  const selector = Object.entries((found as Service | undefined)?.spec?.selector ?? {});
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

function post(
  to: { readonly port: number; readonly path: string; readonly servername: string; readonly ca: string },
  body: string,
  signal: AbortSignal,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request({ ...to, host: "127.0.0.1", method: "POST", headers, signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        try {
          if (response.statusCode !== 200) throw new Error(`status ${String(response.statusCode)}: ${text}`);
          resolve(JSON.parse(text));
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    sent.once("error", reject);
    sent.end(body);
  });
}
