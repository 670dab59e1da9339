import type { KubeClient } from "../../kube/client.ts";
import { isAlreadyExists, isForbidden, isInvalid } from "../../kube/errors.ts";
import { persistentVolumes, type PersistentVolume, type PersistentVolumeClaim } from "../../kube/kinds.ts";
import { keyOf, uidOf, type Stored } from "../../kube/objects.ts";
import { messageOf } from "../../observe/errors.ts";
import { volumeNameOf } from "./claims.ts";
import { provisionErrors } from "../errors.ts";

/**
 * Stores a claim's PersistentVolume. One of the same name and claim that exists already counts as
 * stored. Rejects with VOLUME_NAME_TAKEN when it is another claim's, with VOLUME_NOT_STORED when
 * the API server refuses it.
 */
export async function storeVolume(
  client: KubeClient,
  claim: Stored<PersistentVolumeClaim>,
  volume: PersistentVolume,
  signal: AbortSignal,
): Promise<Stored<PersistentVolume>> {
  try {
    return await client.create(persistentVolumes, volume, { signal });
  } catch (error) {
    if (isAlreadyExists(error)) {
      const name = volumeNameOf(claim);
      const stored = await client.get(persistentVolumes, { name }, { signal });
      if (stored.spec?.claimRef?.uid === uidOf(claim)) return stored;
      throw provisionErrors.VOLUME_NAME_TAKEN({ volume: name, claim: keyOf(claim) }, { cause: error });
    }
    if (isInvalid(error) || isForbidden(error)) {
      throw provisionErrors.VOLUME_NOT_STORED({ claim: keyOf(claim), why: messageOf(error) }, { cause: error });
    }
    throw error;
  }
}
