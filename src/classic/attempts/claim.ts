import type { PersistentVolumeClaim } from "../../kube/kinds.ts";
import { classicErrors } from "../errors.ts";

const LOCAL_MODES = new Set(["ReadWriteOnce", "ReadWriteOncePod"]);

/**
 * Refuses what a directory on one node cannot give. On a shared file system every access mode is
 * fine. A selector is refused in both modes, unlike in the original, which ignores it on a shared
 * file system and binds the claim to a volume that was not asked for.
 */
export function refuseUnservable(claim: PersistentVolumeClaim, shared: boolean): void {
  if (claim.spec?.selector !== undefined) throw classicErrors.SELECTOR({});
  if (shared) return;
  for (const mode of claim.spec?.accessModes ?? []) {
    if (!LOCAL_MODES.has(mode)) throw classicErrors.ACCESS_MODE({});
  }
}
