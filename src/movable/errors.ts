import { defineErrors } from "../observe/errors.ts";

interface Parameter {
  readonly storageClass: string;
  readonly name: string;
}

/** What can be wrong with a claim or a class of movable volumes. */
export const movableErrors = defineErrors("MOVABLE", {
  PARAMETER_UNKNOWN: {
    message: ({ storageClass, name, valid }: Parameter & { valid: readonly string[] }) =>
      `StorageClass "${storageClass}" has the parameter "${name}", which mooring.dev does not know; valid parameters are ${valid.join(", ")}`,
    retry: "change",
    advice: "Make the class again without the parameter, or correct its name. Parameters of a class cannot be changed.",
  },
  PARAMETER_INVALID: {
    message: ({ storageClass, name, value, wanted }: Parameter & { value: string; wanted: string }) =>
      `StorageClass "${storageClass}" sets the parameter "${name}" to "${value}"; it must be ${wanted}`,
    retry: "change",
    advice: "Make the class again with a valid value. Parameters of a class cannot be changed.",
  },
  PARAMETER_NOT_YET: {
    message: ({ storageClass, name, value, valid }: Parameter & { value: string; valid: readonly string[] }) =>
      `StorageClass "${storageClass}" sets the parameter "${name}" to "${value}", which this version of mooring.dev does not do yet; valid are ${valid.join(", ")}`,
    retry: "change",
    advice: "Make the class again with what this version knows. Parameters of a class cannot be changed.",
  },
  OVERRIDE_REFUSED: {
    message: ({ annotation, storageClass, allowed }: { annotation: string; storageClass: string; allowed: string }) =>
      `the claim has the annotation "${annotation}", but StorageClass "${storageClass}" lets claims override ${allowed}`,
    retry: "change",
    advice: "Remove the annotation from the claim, or use a class whose parameter allowOverride names the policy.",
  },
  OVERRIDE_INVALID: {
    message: ({ annotation, value, valid }: { annotation: string; value: string; valid: readonly string[] }) =>
      `the claim's annotation "${annotation}" is "${value}"; valid values are ${valid.join(", ")}`,
    retry: "change",
    advice: "Correct the annotation on the claim; the claim is then tried again.",
  },
  ACCESS_MODE: {
    message: ({ mode }: { mode: string }) =>
      `mooring.dev cannot make a volume with access mode ${mode}: a movable volume is on one node at a time`,
    retry: "never",
    advice:
      "Use ReadWriteOnce (shared by the pods of one node) or ReadWriteOncePod in a new claim. For many nodes use a class on a shared file system.",
  },
  SELECTOR: {
    message: () => "mooring.dev cannot serve a claim with a selector: a new volume has no labels to select by",
    retry: "never",
    advice: "Delete the claim and create it without spec.selector.",
  },
  CAPACITY: {
    message: ({ why }: { why: string }) => `the claim asks for no usable amount of storage: ${why}`,
    retry: "never",
    advice: "Set spec.resources.requests.storage in a new claim, such as 10Gi.",
  },
  POOL_MISSING: {
    message: ({ pool, storageClass }: { pool: string; storageClass: string }) =>
      `StorageClass "${storageClass}" names the StoragePool "${pool}", which does not exist`,
    retry: "backoff",
    advice: "Create the StoragePool, or use a class with another pool.",
  },
  POOL_NOT_READY: {
    message: ({ node, pool, why }: { node: string; pool: string; why: string }) =>
      `pool ${pool} cannot be used on node ${node}: ${why}`,
    retry: "reschedule",
    advice: "See kubectl describe storagenode NODE for the state of its pools.",
  },
  NO_ROOM: {
    message: ({ node, pool, asked, room }: { node: string; pool: string; asked: string; room: string }) =>
      `pool ${pool} on node ${node} has no room for ${asked}: ${room}`,
    retry: "reschedule",
    advice: "Delete volumes that are not needed, make the pool's disk larger, or let the pod run on another node.",
  },
  NODE_LEAVING: {
    message: ({ node }: { node: string }) => `node ${node} is being drained or removed and gets no new volumes`,
    retry: "reschedule",
    advice: "Nothing: the scheduler is asked for another node. kubectl uncordon NODE lets it have volumes again.",
  },
  NO_NODE: {
    message: ({ pool, asked, reasons }: { pool: string; asked: string; reasons: readonly string[] }) =>
      reasons.length === 0
        ? `no node is Ready, uncordoned and allowed by the class, so pool ${pool} cannot hold ${asked}`
        : `no node can hold ${asked} in pool ${pool}: ${reasons.join("; ")}`,
    retry: "backoff",
    advice: "Make room on a node, or add one. The claim is tried again.",
  },
  KEEPER_REFUSED: {
    message: ({ node, why }: { node: string; why: string }) =>
      `no volume can be made on node ${node}: its keeper pod, which holds drains until data is safe, cannot be created: ${why}`,
    retry: "backoff",
    advice: "Let the keeper pod through: raise the quota of Mooring's namespace or correct the policy that refuses it.",
  },
  BEING_REPLACED: {
    message: ({ volume }: { volume: string }) =>
      `volume ${volume} was begun on another node and is being removed there first; it held no data`,
    retry: "backoff",
    advice: "Nothing: the claim is tried again.",
  },
});
