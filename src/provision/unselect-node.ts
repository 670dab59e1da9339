import { patchSegment, type KubeClient } from "../kube/client.ts";
import { isForbidden } from "../kube/errors.ts";
import { persistentVolumeClaims, type PersistentVolumeClaim } from "../kube/kinds.ts";
import { nameOf, namespaceOf, uidOf, type Stored } from "../kube/objects.ts";
import type { selectedNodeOf } from "./claims.ts";

type Selected = NonNullable<ReturnType<typeof selectedNodeOf>>;

/**
 * Takes the selected node off a claim, so that the scheduler chooses again: by a patch or, where
 * the role grants only `update` (that of local-path-provisioner's Helm chart), by writing back the
 * claim as the server has it now. Rejects with a refusal (isRefused) when the claim has changed, is
 * gone, or may not be written.
 */
export async function unselectNode(
  client: KubeClient,
  claim: Stored<PersistentVolumeClaim>,
  selected: Selected,
  signal: AbortSignal,
): Promise<void> {
  const at = { name: nameOf(claim), namespace: namespaceOf(claim) };
  const path = `/metadata/annotations/${patchSegment(selected.annotation)}`;
  try {
    await client.patchJson(
      persistentVolumeClaims,
      at,
      [
        { op: "test", path: "/metadata/uid", value: uidOf(claim) },
        { op: "test", path, value: selected.node },
        { op: "remove", path },
      ],
      { signal },
    );
  } catch (error) {
    if (!isForbidden(error)) throw error;
    const now = await client.get(persistentVolumeClaims, at, { signal });
    const without = withoutNode(claim, selected, now);
    if (without !== undefined) await client.replace(persistentVolumeClaims, without, { signal });
  }
}

/**
 * The claim as it is now less its node; undefined when it is another claim, or has another node by
 * now.
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
