// The garbage collector: an object is deleted when all its owners are gone.
//
//   an owner goes (or another object has its name): its dependents are looked at
//   an object whose owners are all gone, as the server says and not the cache: DELETE, in the
//   background
//   an object with the finalizer `foregroundDeletion`: its dependents are deleted first, then the
//   finalizer is taken off when none that blocks is left
//   an object with the finalizer `orphan`: its dependents lose their reference to it, then the
//   finalizer is taken off
//
// Owners of kinds that the lab does not know count as existing: an unknown kind never causes a
// deletion.
import type { OwnerReference } from "kubernetes-types/meta/v1.js";
import { isConflict, isNotFound } from "../../../kube/errors.ts";
import { SetMap } from "../../../kube/watch/set-map.ts";
import { keyOf, uidOf, type KubeObject } from "../../../kube/objects.ts";
import { apiVersionOf, type Resource } from "../../../kube/resource.ts";
import { at } from "../../objects/owners.ts";
import { COLLECTED } from "../owned-kinds.ts";
import { limitedClient, QueueController, type Controller, type Process } from "../../process/process.ts";

const FOREGROUND = "foregroundDeletion";
const ORPHAN = "orphan";
const RECHECK_MS = 500;

export function garbageCollector(process: Process): Controller {
  const { client } = limitedClient(process, "generic-garbage-collector");
  const byName = new Map(COLLECTED.map((resource) => [resource.plural, resource]));
  const byKind = new Map(COLLECTED.map((resource) => [`${apiVersionOf(resource)} ${resource.kind}`, resource]));
  const storeOf = (resource: Resource) => process.informers.of(resource).store;
  /** UID of an owner → queue keys of what names it. */
  const dependents = new SetMap<string, string>();

  const ownerThere = async (owner: OwnerReference, namespace: string | undefined): Promise<boolean> => {
    const resource = byKind.get(`${owner.apiVersion} ${owner.kind}`);
    if (resource === undefined) return true;
    const where = { name: owner.name, ...(resource.namespaced ? { namespace } : {}) };
    const cached = storeOf(resource).get(keyOf({ metadata: { name: owner.name, namespace: where.namespace ?? "" } }));
    if (cached !== undefined && uidOf(cached) === owner.uid) return true;
    try {
      return uidOf(await client.get(resource, where)) === owner.uid;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  };

  const patchMeta = (resource: Resource, object: KubeObject, metadata: object): Promise<unknown> =>
    client
      .patchMerge(resource, at(keyOf(object)), {
        metadata: { uid: uidOf(object), resourceVersion: object.metadata?.resourceVersion, ...metadata },
      })
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });

  const without = (object: KubeObject, finalizer: string): readonly string[] =>
    (object.metadata?.finalizers ?? []).filter((name) => name !== finalizer);

  const namedBy = (owner: KubeObject): { readonly resource: Resource; readonly object: KubeObject }[] =>
    [...dependents.get(uidOf(owner))].flatMap((key) => {
      const resource = byName.get(key.slice(0, key.indexOf("|")));
      const object = resource === undefined ? undefined : storeOf(resource).get(key.slice(key.indexOf("|") + 1));
      return resource === undefined || object === undefined ? [] : [{ resource, object }];
    });

  const remove = (resource: Resource, object: KubeObject, propagationPolicy: "Background" | "Foreground") =>
    client.delete(resource, at(keyOf(object)), { uid: uidOf(object), propagationPolicy }).catch((error: unknown) => {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    });

  const controller = new QueueController(process, { name: "garbage-collector" }, async (key) => {
    const resource = byName.get(key.slice(0, key.indexOf("|")));
    const object = resource === undefined ? undefined : storeOf(resource).get(key.slice(key.indexOf("|") + 1));
    if (resource === undefined || object === undefined) return;
    const { finalizers = [], deletionTimestamp, ownerReferences = [], namespace } = object.metadata ?? {};
    if (deletionTimestamp !== undefined && finalizers.includes(ORPHAN)) {
      for (const each of namedBy(object)) {
        const left = (each.object.metadata?.ownerReferences ?? []).filter(({ uid }) => uid !== uidOf(object));
        await patchMeta(each.resource, each.object, { ownerReferences: left });
      }
      await patchMeta(resource, object, { finalizers: without(object, ORPHAN) });
      return;
    }
    if (deletionTimestamp !== undefined && finalizers.includes(FOREGROUND)) {
      const left = namedBy(object);
      for (const each of left) {
        if (each.object.metadata?.deletionTimestamp === undefined)
          await remove(each.resource, each.object, "Foreground");
      }
      const blocking = left.filter((each) =>
        each.object.metadata?.ownerReferences?.some(
          (ref) => ref.uid === uidOf(object) && ref.blockOwnerDeletion === true,
        ),
      );
      if (blocking.length > 0) return { requeueAfterMs: RECHECK_MS };
      await patchMeta(resource, object, { finalizers: without(object, FOREGROUND) });
      return;
    }
    if (deletionTimestamp !== undefined || ownerReferences.length === 0) return;
    const there: OwnerReference[] = [];
    for (const owner of ownerReferences) if (await ownerThere(owner, namespace)) there.push(owner);
    if (there.length === 0) await remove(resource, object, "Background");
    else if (there.length < ownerReferences.length) await patchMeta(resource, object, { ownerReferences: there });
    return;
  });

  for (const resource of COLLECTED) {
    process.informers.of(resource).onChange(({ type, key, object, old }) => {
      const queued = `${resource.plural}|${key}`;
      for (const { uid } of old?.metadata?.ownerReferences ?? []) dependents.delete(uid, queued);
      const owners = object.metadata?.ownerReferences ?? [];
      for (const { uid } of owners) {
        if (type === "deleted") dependents.delete(uid, queued);
        else dependents.add(uid, queued);
      }
      if (type === "deleted") for (const dependent of dependents.get(uidOf(object))) controller.queue.add(dependent);
      else if (owners.length > 0 || object.metadata?.deletionTimestamp !== undefined) controller.queue.add(queued);
    });
  }
  return controller;
}
