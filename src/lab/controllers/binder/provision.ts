import type { PersistentVolumeClaim } from "kubernetes-types/core/v1.js";
import { STORAGE_PROVISIONER, STORAGE_PROVISIONER_BETA } from "../../../api/names.ts";
import { persistentVolumeClaims } from "../../../kube/kinds.ts";
import { keyOf, uidOf } from "../../../kube/objects.ts";
import { claimClass, hasClass } from "../../objects/claims.ts";
import { DEFAULT_CLASS, DEFAULT_CLASS_BETA } from "./names.ts";
import { claimEvent, type BinderState } from "./state.ts";
import { updateClaim } from "./writes.ts";

/**
 * Asks the provisioner of the claim's class for a volume, by writing its name into the claim's
 * annotations. The worker does not wait for this write. If it fails, a later sync repeats it.
 */
export function provision(state: BinderState, claim: PersistentVolumeClaim): void {
  const name = claimClass(claim);
  const provisioner = state.listed.classes.get(name)?.provisioner;
  if (provisioner === undefined) {
    claimEvent(state, claim, "Warning", "ProvisioningFailed", `storageclass.storage.k8s.io "${name}" not found`);
    return;
  }
  if (provisioner.startsWith("kubernetes.io/")) {
    // No plugin of kube-controller-manager's own provisions any more.
    claimEvent(state, claim, "Warning", "ProvisioningFailed", `no volume plugin matched name: ${provisioner}`);
    return;
  }
  state.operations.start(`provision-${keyOf(claim)}[${uidOf(claim)}]`, async () => {
    let named: PersistentVolumeClaim;
    try {
      named = await nameProvisioner(state, claim, provisioner);
    } catch (error) {
      claimEvent(state, claim, "Warning", "ProvisioningFailed", `Error saving claim: ${messageOf(error)}`);
      throw error;
    }
    claimEvent(
      state,
      named,
      "Normal",
      "ExternalProvisioning",
      `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
    );
  });
}

async function nameProvisioner(
  state: BinderState,
  claim: PersistentVolumeClaim,
  provisioner: string,
): Promise<PersistentVolumeClaim> {
  const annotations = claim.metadata?.annotations;
  if (annotations?.[STORAGE_PROVISIONER] === provisioner) return claim;
  return updateClaim(state, {
    ...claim,
    metadata: {
      ...claim.metadata,
      annotations: {
        ...annotations,
        [STORAGE_PROVISIONER_BETA]: provisioner,
        [STORAGE_PROVISIONER]: provisioner,
      },
    },
  });
}

/**
 * Gives a claim that asked for no class the default one, if there is one by now. True when it did.
 */
export async function assignDefaultClass(state: BinderState, claim: PersistentVolumeClaim): Promise<boolean> {
  if (hasClass(claim)) return false;
  const defaults = state.listed.classes
    .list()
    .filter(
      ({ metadata }) =>
        metadata?.annotations?.[DEFAULT_CLASS] === "true" || metadata?.annotations?.[DEFAULT_CLASS_BETA] === "true",
    )
    .toSorted(
      (a, b) =>
        (b.metadata?.creationTimestamp ?? "").localeCompare(a.metadata?.creationTimestamp ?? "") ||
        (a.metadata?.name ?? "").localeCompare(b.metadata?.name ?? ""),
    );
  const storageClassName = defaults[0]?.metadata?.name;
  if (storageClassName === undefined) return false;
  // Not taken into the worker's own copy: its event brings it.
  await state.client.replace(persistentVolumeClaims, { ...claim, spec: { ...claim.spec, storageClassName } });
  return true;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
