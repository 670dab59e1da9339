import type { OwnerReference } from "kubernetes-types/meta/v1.js";
import { keyOf, uidOf, type KubeObject } from "../../kube/objects.ts";
import { apiVersionOf, type Resource } from "../../kube/resource.ts";

export { aboutObject as about } from "../../kube/events/event-object.ts";

/** The owner that controls an object. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((owner) => owner.controller === true);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === uidOf(owner);
}

/** The ownerReference by which `owner` controls what it makes. */
export function controlledBy(resource: Resource, owner: KubeObject): OwnerReference {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name: owner.metadata?.name ?? "",
    uid: uidOf(owner),
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** The key of the object of this kind that controls `object`, if one of this kind does. */
export function controllerKey(object: KubeObject, kind: string): string | undefined {
  const owner = controllerOf(object);
  if (owner?.kind !== kind) return undefined;
  return keyOf({ metadata: { name: owner.name, namespace: object.metadata?.namespace ?? "" } });
}

/** Namespace and name of a key. */
export function at(key: string): { readonly name: string; readonly namespace?: string } {
  const slash = key.indexOf("/");
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
