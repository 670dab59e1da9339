import { isDeepStrictEqual } from "node:util";
import type { KubeClient } from "../../kube/client.ts";
import type { KubeObject } from "../../kube/objects.ts";
import type { Resource } from "../../kube/resource.ts";

/** Which generation of an object a status or a condition speaks of, as it stands in there. */
export function observed(object: KubeObject): { readonly observedGeneration?: number } {
  const { generation } = object.metadata ?? {};
  return generation === undefined ? {} : { observedGeneration: generation };
}

/** Writes a status, unless the object has it already. */
export async function writeStatus<T extends KubeObject & { readonly status?: object }>(
  client: KubeClient,
  resource: Resource<T>,
  object: T,
  status: NonNullable<T["status"]>,
): Promise<void> {
  if (isDeepStrictEqual(status, object.status)) return;
  const { name = "", namespace } = object.metadata ?? {};
  await client.patchMerge(resource, { name, namespace }, { status }, { subresource: "status" });
}
