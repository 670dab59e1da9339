import type { LocalVolume } from "../api/kinds/local-volume.ts";
import { DRIVER, LOCAL_VOLUME_FINALIZER } from "../api/names.ts";
import { nameOf, type Stored } from "../kube/objects.ts";
import type { ProvisionedVolume, ProvisionRequest } from "../provision/driver.ts";
import { affinityOf } from "./affinity.ts";
import type { ClassParameters } from "./parameters.ts";

/**
 * Attribute of the PersistentVolume: which LocalVolume it was made with. People may read it; agents
 * compare it.
 */
const INCARNATION_ATTRIBUTE = "mooring.dev/incarnation";

/** Where a volume is to be made, and of what kind. */
export interface NewVolume {
  readonly name: string;
  readonly nodeName: string;
  readonly hostname: string;
  readonly capacity: string;
  readonly incarnation: string;
  readonly parameters: Pick<ClassParameters, "pool" | "directory" | "policies">;
  readonly claim: NonNullable<LocalVolume["spec"]["claim"]>;
}

/**
 * The LocalVolume of a volume that has no data yet: its first publish, on this node only, makes the
 * directory.
 */
export function newLocalVolume(volume: NewVolume): LocalVolume {
  const { name, nodeName, hostname, capacity, incarnation, parameters, claim } = volume;
  return {
    metadata: { name, finalizers: [LOCAL_VOLUME_FINALIZER] },
    spec: {
      pool: parameters.pool,
      capacity,
      nodeName,
      originHostname: hostname,
      epoch: 1,
      incarnation,
      mayCreate: { nodeName, epoch: 1 },
      policies: parameters.policies,
      directory: parameters.directory,
      claim,
      reclaim: false,
    },
  };
}

/** The parts of the PersistentVolume that are this driver's. */
export function persistentVolumePart(volume: Stored<LocalVolume>): ProvisionedVolume {
  const name = nameOf(volume);
  const { originHostname, incarnation } = volume.spec;
  return {
    annotations: {},
    spec: {
      csi: { driver: DRIVER, volumeHandle: name, volumeAttributes: { [INCARNATION_ATTRIBUTE]: incarnation } },
      nodeAffinity: affinityOf(name, originHostname),
    },
  };
}

/** Who asked for it. */
export function claimOf({ claim }: ProvisionRequest): NewVolume["claim"] {
  const { namespace = "default", name, uid } = claim.metadata;
  return { namespace, name, uid };
}
