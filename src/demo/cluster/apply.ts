import type { KubeClient } from "../../kube/client.ts";
import { isAlreadyExists, isNotFound, KubeError } from "../../kube/errors.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { apiVersionOf, pathOf } from "../../kube/resource.ts";
import { demoErrors } from "../errors.ts";
import type { ManifestObject } from "./manifest.ts";

/**
 * Creates the objects in order. An object that already exists is merged with the manifest's.
 * Unknown fields are refused, as by kubectl. Resolves with the objects as the server has them.
 * Rejects with a CodedError that names the object.
 */
export async function applyAll(
  client: KubeClient,
  objects: readonly ManifestObject[],
  signal: AbortSignal,
): Promise<KubeObject[]> {
  const applied: KubeObject[] = [];
  for (const object of objects) {
    try {
      applied.push(await applyOne(client, object, signal));
    } catch (error) {
      if (!(error instanceof KubeError) || !isRefusal(error)) throw error;
      throw demoErrors.OBJECT_REFUSED({ where: object.where, why: error.message }, { cause: error });
    }
  }
  return applied;
}

/**
 * Whether the error is the manifest's fault. An object that is too large is refused by etcd, so the
 * API server answers 500.
 */
function isRefusal({ code, message }: KubeError): boolean {
  return (code >= 400 && code < 500) || (code === 500 && message.includes("request is too large"));
}

async function applyOne(
  { kube }: KubeClient,
  { resource, body }: ManifestObject,
  signal: AbortSignal,
): Promise<KubeObject> {
  const { name = "", namespace } = body.metadata ?? {};
  const query = { fieldValidation: "Strict", fieldManager: "moor" };
  try {
    return await kube.request({ method: "POST", path: pathOf(resource, { namespace }), query, body, signal });
  } catch (error) {
    if (!isAlreadyExists(error) || name === "") throw error;
    const contentType = "application/merge-patch+json";
    return await kube.request({
      method: "PATCH",
      path: pathOf(resource, { namespace, name }),
      query,
      body,
      contentType,
      signal,
    });
  }
}

/**
 * Deletes the objects, the last first, with their dependents. Objects that are already gone are
 * skipped.
 */
export async function deleteAll(
  client: KubeClient,
  objects: readonly ManifestObject[],
  signal: AbortSignal,
): Promise<void> {
  for (const { resource, body } of objects.toReversed()) {
    const { name = "", namespace } = body.metadata ?? {};
    if (name === "") continue;
    try {
      await client.delete(resource, { name, namespace }, { propagationPolicy: "Background", signal });
    } catch (error) {
      if (!isNotFound(error))
        throw new Error(`cannot delete ${apiVersionOf(resource)} ${resource.kind} ${name}`, { cause: error });
    }
  }
}
