import { defineErrors } from "../observe/errors.ts";

/** What can be wrong with a claim or a volume whatever driver serves it. */
export const provisionErrors = defineErrors("PROVISION", {
  BLOCK_UNSUPPORTED: {
    message: ({ provisioner }: { provisioner: string }) => `${provisioner} does not support block volume provisioning`,
    retry: "never",
    advice: "Use volumeMode Filesystem in a new claim, or another class.",
  },
  DATA_SOURCE_UNSUPPORTED: {
    message: ({ provisioner, kind, name }: { provisioner: string; kind: string; name: string }) =>
      `${provisioner} cannot fill a volume from ${kind} "${name}"; the claim is not bound to an empty volume`,
    retry: "never",
    advice: "Delete the claim and create it without dataSource, or use a class whose driver can clone or restore.",
  },
  ATTRIBUTES_CLASS_UNSUPPORTED: {
    message: ({ provisioner, name }: { provisioner: string; name: string }) =>
      `${provisioner} does not support volume attributes, and the claim asks for VolumeAttributesClass "${name}"`,
    retry: "never",
    advice: "Delete the claim and create it without volumeAttributesClassName.",
  },
  CLASS_MISSING: {
    message: ({ name }: { name: string }) => `storageclass.storage.k8s.io "${name}" not found`,
    retry: "change",
    advice: "Create the StorageClass, or delete the claim and create it with a class that exists.",
  },
  NODE_MISSING: {
    message: ({ node }: { node: string }) => `failed to get target node: nodes "${node}" not found`,
    retry: "reschedule",
    advice: "Nothing: the scheduler is asked to choose another node.",
  },
  RESCHEDULE_REFUSED: {
    message: ({ cause, why }: { cause: string; why: string }) =>
      `${cause}; the scheduler should choose another node, but the claim may not be changed: ${why}`,
    retry: "backoff",
    advice:
      "Grant the verb patch or update on persistentvolumeclaims (deploy/local-path-storage.yaml does), let the policy or webhook that the message names allow it, or remove the selected-node annotation by hand.",
  },
  VOLUME_NOT_STORED: {
    message: ({ claim, why }: { claim: string; why: string }) =>
      `Error creating provisioned PV object for claim ${claim}: ${why}`,
    retry: "backoff",
    advice:
      "No data is lost: the directory is kept, and storing the PersistentVolume is tried again. The message holds the API server's error: grant the missing right, or fix the quota or webhook that refuses it.",
  },
  VOLUME_NOT_CHANGED: {
    message: ({ volume, why }: { volume: string; why: string }) =>
      `PersistentVolume ${volume} could not be changed, which must happen before it is removed: ${why}`,
    retry: "backoff",
    advice:
      "Grant the verb patch on persistentvolumes, or let the policy or webhook that the message names allow it. The volume is not removed before that.",
  },
  VOLUME_BEING_DELETED: {
    message: ({ volume, claim }: { volume: string; claim: string }) =>
      `PersistentVolume ${volume} was made for claim ${claim} and deleted before the claim was bound to it`,
    retry: "change",
    advice: "Delete the claim and create it again: the volume goes with the claim.",
  },
  VOLUME_NAME_TAKEN: {
    message: ({ volume, claim }: { volume: string; claim: string }) =>
      `a PersistentVolume called ${volume} exists already and belongs to another claim than ${claim}`,
    retry: "change",
    advice: "Look at that PersistentVolume; rename or remove it if it was made by hand.",
  },
});
