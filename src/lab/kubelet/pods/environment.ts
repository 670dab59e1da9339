import type { Container, EnvVarSource, Pod } from "kubernetes-types/core/v1.js";
import type { KubeClient } from "../../../kube/client.ts";
import { configMaps } from "../../../kube/kinds.ts";
import { uidOf } from "../../../kube/objects.ts";
import { secrets } from "../../objects/kinds.ts";

/**
 * A container's environment: literal values, fields of the pod, keys of ConfigMaps and Secrets.
 * Rejects when something it names is not there.
 */
export async function environmentOf(
  client: KubeClient,
  pod: Pod,
  container: Container,
  addresses: { readonly podIP: string | undefined; readonly hostIP: string },
): Promise<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const { name, value, valueFrom } of container.env ?? []) {
    const given = valueFrom === undefined ? (value ?? "") : await valueOf(client, pod, valueFrom, addresses);
    if (given === undefined) continue;
    env[name] = expand(given, env);
  }
  return env;
}

/**
 * Puts variables in the place of `$(NAME)`, as the kubelet does in arguments and values: an unknown
 * name stays as it is, and `$$` is a dollar sign.
 */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name?: string) =>
    name === undefined ? "$" : (env[name] ?? whole),
  );
}

async function valueOf(
  client: KubeClient,
  pod: Pod,
  { fieldRef, configMapKeyRef, secretKeyRef }: EnvVarSource,
  { podIP, hostIP }: { readonly podIP: string | undefined; readonly hostIP: string },
): Promise<string | undefined> {
  const { name = "", namespace, labels = {}, annotations = {} } = pod.metadata ?? {};
  if (fieldRef !== undefined) {
    const bracket = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(fieldRef.fieldPath);
    if (bracket !== null) return (bracket[1] === "labels" ? labels : annotations)[bracket[2] ?? ""] ?? "";
    const fields: Record<string, string> = {
      "metadata.name": name,
      "metadata.namespace": namespace ?? "",
      "metadata.uid": uidOf(pod),
      "spec.nodeName": pod.spec?.nodeName ?? "",
      "spec.serviceAccountName": pod.spec?.serviceAccountName ?? "",
      "status.podIP": podIP ?? "",
      "status.hostIP": hostIP,
    };
    return fields[fieldRef.fieldPath] ?? "";
  }
  if (configMapKeyRef !== undefined) {
    const found = await client.get(configMaps, { name: configMapKeyRef.name ?? "", namespace });
    return found.data?.[configMapKeyRef.key];
  }
  if (secretKeyRef !== undefined) {
    const found = await client.get(secrets, { name: secretKeyRef.name ?? "", namespace });
    const text = found.data?.[secretKeyRef.key];
    return text === undefined ? undefined : Buffer.from(text, "base64").toString("utf8");
  }
  return "";
}
