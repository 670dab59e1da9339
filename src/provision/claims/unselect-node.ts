import { patchSegment, type KubeClient } from "../../kube/client.ts";
import { isBadRequest, isConflict, isForbidden, isNotFound, isRefused } from "../../kube/errors.ts";
import { persistentVolumeClaims, type PersistentVolumeClaim } from "../../kube/kinds.ts";
import { nameOf, namespaceOf, uidOf, type Stored } from "../../kube/objects.ts";
import { messageOf } from "../../observe/errors.ts";
import type { selectedNodeOf } from "./claims.ts";

type Selected = NonNullable<ReturnType<typeof selectedNodeOf>>;

/**
 * How it ended. `changed`: the claim is gone, is another one, or has another node by now; its next
 * watch event leads on. `refused`: the server does not let us change the claim, and `why` is its
 * message; a right is missing, or an admission policy or a webhook forbids it.
 */
export type Unselected = { readonly end: "unselected" | "changed" } | { readonly end: "refused"; readonly why: string };

/**
 * Takes the selected node off a claim, so that the scheduler chooses again: by a patch or, where
 * the role grants only `update` (that of local-path-provisioner's Helm chart), by writing back the
 * claim as the server has it now.
 */
export async function unselectNode(
  client: KubeClient,
  claim: Stored<PersistentVolumeClaim>,
  selected: Selected,
  signal: AbortSignal,
): Promise<Unselected> {
  const at = { name: nameOf(claim), namespace: namespaceOf(claim) };
  const path = `/metadata/annotations/${patchSegment(selected.annotation)}`;
  const patch = [
    { op: "test", path: "/metadata/uid", value: uidOf(claim) },
    { op: "test", path, value: selected.node },
    { op: "remove", path },
  ] as const;
  const first = await refusalOf(client.patchJson(persistentVolumeClaims, at, patch, { signal }));
  if (first === undefined) return { end: "unselected" };
  // A failed test and a policy's refusal have the same code, 422: only the claim shows which it
  // was.
  const now = await client.find(persistentVolumeClaims, at, { signal });
  const without = now === undefined ? undefined : withoutNode(claim, selected, now);
  if (without === undefined) return { end: "changed" };
  if (!isForbidden(first)) return { end: "refused", why: messageOf(first) };
  const second = await refusalOf(client.replace(persistentVolumeClaims, without, { signal }));
  if (second === undefined) return { end: "unselected" };
  if (isConflict(second) || isNotFound(second)) return { end: "changed" };
  return { end: "refused", why: messageOf(second) };
}

/** The error, if the same request would get it again. Rejects with every other one. */
async function refusalOf(request: Promise<unknown>): Promise<unknown> {
  try {
    await request;
    return undefined;
  } catch (error) {
    if (isRefused(error) || isBadRequest(error)) return error;
    throw error;
  }
}

/**
 * The claim as it is now, without its node; undefined when it is another claim, or has another node
 * by now.
 */
function withoutNode(
  claim: Stored<PersistentVolumeClaim>,
  selected: Selected,
  now: Stored<PersistentVolumeClaim>,
): Stored<PersistentVolumeClaim> | undefined {
  const { [selected.annotation]: node, ...annotations } = now.metadata.annotations ?? {};
  if (uidOf(now) !== uidOf(claim) || node !== selected.node) return undefined;
  return { ...now, metadata: { ...now.metadata, annotations } };
}
