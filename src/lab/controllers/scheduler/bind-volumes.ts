// Binding a pod's volumes, beside the scheduling loop, once its node has been chosen.
//
//   assumed ── written: volumes set aside for claims, claims given their node ──▶ waiting
//   waiting: looks once a second, first after a second, for at most 600 s
//      ├── all bound ──▶ done
//      └── selected node taken away, volume not for this node, pod gone, time up ──▶ refused
//
// It uses the informer's objects and not the assumed ones. A refusal drops what was assumed but not
// written; what was written stays.
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "kubernetes-types/core/v1.js";
import { SELECTED_NODE } from "../../../api/names.ts";
import type { Clock } from "../../../effects/clock.ts";
import type { KubeClient } from "../../../kube/client.ts";
import { persistentVolumeClaims, persistentVolumes } from "../../../kube/kinds.ts";
import { keyOf } from "../../../kube/objects.ts";
import { boundVolume } from "../binder/writes.ts";
import { volumeFitsLabels } from "../../matching/node-selector.ts";
import { isFullyBound } from "../../objects/claims.ts";
import { compareVersions } from "./assume-cache.ts";
import type { VolumePlan, VolumeView } from "./pod-volumes.ts";

const LOOK_MS = 1000;
const TIMEOUT_MS = 600_000;

export interface BindDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly view: VolumeView;
  readonly nodeOf: (name: string) => Node | undefined;
  readonly podExists: (pod: Pod) => boolean;
}

/** The plan as it lies over the caches. */
export interface AssumedVolumes {
  readonly bindings: { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[];
  readonly provisions: PersistentVolumeClaim[];
}

export function assumeVolumes(view: VolumeView, plan: VolumePlan, nodeName: string): AssumedVolumes {
  const bindings = plan.bindings.map(({ claim, volume }) => {
    const bound = boundVolume(volume, claim);
    if (bound !== undefined) view.volumes.assume(bound);
    return { claim, volume: bound ?? volume };
  });
  const provisions = plan.provisions.map((claim) => {
    const annotations = { ...claim.metadata?.annotations, [SELECTED_NODE]: nodeName };
    const chosen = { ...claim, metadata: { ...claim.metadata, annotations } };
    view.claims.assume(chosen);
    return chosen;
  });
  return { bindings, provisions };
}

export function forgetVolumes(view: VolumeView, { bindings, provisions }: AssumedVolumes): void {
  for (const { volume } of bindings) view.volumes.restore(keyOf(volume));
  for (const claim of provisions) view.claims.restore(keyOf(claim));
}

/** Writes and waits. Rejects with the scheduler's words when the pod must be scheduled anew. */
export async function bindVolumes(
  deps: BindDeps,
  pod: Pod,
  nodeName: string,
  assumed: AssumedVolumes,
  signal: AbortSignal,
): Promise<void> {
  const { client, clock, view } = deps;
  const written: AssumedVolumes = { bindings: [], provisions: [] };
  for (const [index, { claim, volume }] of assumed.bindings.entries()) {
    try {
      written.bindings.push({ claim, volume: await client.replace(persistentVolumes, volume, { signal }) });
    } catch (error) {
      forgetVolumes(view, { bindings: assumed.bindings.slice(index), provisions: assumed.provisions });
      throw error;
    }
  }
  for (const [index, claim] of assumed.provisions.entries()) {
    try {
      written.provisions.push(await client.replace(persistentVolumeClaims, claim, { signal }));
    } catch (error) {
      forgetVolumes(view, { bindings: [], provisions: assumed.provisions.slice(index) });
      throw error;
    }
  }
  const until = clock.monotonic() + TIMEOUT_MS;
  for (;;) {
    await clock.sleep(LOOK_MS, signal);
    try {
      if (allBound(deps, pod, nodeName, written)) return;
    } catch (error) {
      throw new Error(`binding volumes: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    if (clock.monotonic() >= until) throw new Error("binding volumes: context deadline exceeded");
  }
}

/** Whether all is bound; throws when it never will be. */
function allBound(deps: BindDeps, pod: Pod, nodeName: string, written: AssumedVolumes): boolean {
  const { view } = deps;
  const node = deps.nodeOf(nodeName);
  if (node === undefined) throw new Error(`failed to get node "${nodeName}": node "${nodeName}" not found`);
  if (!deps.podExists(pod)) {
    throw new Error(`pod does not exist any more: pod "${pod.metadata?.name ?? ""}" not found`);
  }
  const fits = (volume: PersistentVolume): void => {
    if (volumeFitsLabels(volume, node.metadata?.labels)) return;
    const name = volume.metadata?.name ?? "";
    throw new Error(`pv "${name}" node affinity doesn't match node "${nodeName}": no matching NodeSelectorTerms`);
  };
  for (const { claim, volume } of written.bindings) {
    const name = keyOf(volume);
    const shown = view.volumes.shown(name);
    if (shown === undefined) throw new Error(`failed to check binding: could not find v1.PersistentVolume "${name}"`);
    const shownClaim = claimShown(view, claim, "failed to check binding");
    if (compareVersions(volume, shown) > 0) return false;
    fits(shown);
    if ((shown.spec?.claimRef?.uid ?? "") === "") throw new Error(`ClaimRef got reset for pv "${name}"`);
    if (!isFullyBound(shownClaim)) return false;
  }
  for (const claim of written.provisions) {
    const shown = claimShown(view, claim, "failed to check provisioning pvc");
    if (compareVersions(claim, shown) > 0) return false;
    const name = shown.metadata?.name ?? "";
    // The provisioner has removed the annotation to ask for another node.
    if (shown.metadata?.annotations === undefined) throw new Error(`selectedNode annotation reset for PVC "${name}"`);
    if (shown.metadata.annotations[SELECTED_NODE] !== nodeName) {
      throw new Error(`provisioning failed for PVC "${name}"`);
    }
    const { volumeName = "" } = shown.spec ?? {};
    if (volumeName !== "") {
      const volume = view.volumes.shown(volumeName);
      if (volume === undefined) return false;
      fits(volume);
    }
    if (!isFullyBound(shown)) return false;
  }
  return true;
}

function claimShown(view: VolumeView, claim: PersistentVolumeClaim, doing: string): PersistentVolumeClaim {
  const shown = view.claims.shown(keyOf(claim));
  if (shown === undefined) throw new Error(`${doing}: could not find v1.PersistentVolumeClaim "${keyOf(claim)}"`);
  return shown;
}
