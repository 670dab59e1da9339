import type { CSIDriver, StorageClass } from "kubernetes-types/storage/v1.js";
import type { Draft } from "../../../store/object.ts";
import { sameJson } from "../../../store/object.ts";
import type { KindRules } from "../../kinds/kind-row.ts";
import { validateImmutable } from "../../writes/metadata.ts";
import { qualifiedNameFaults } from "../../kinds/names.ts";
import { oneOf } from "../workloads/pod-spec.ts";

type ClassDraft = Draft & StorageClass;

export const classRules: KindRules = {
  defaults: (draft) => {
    const storageClass = draft as ClassDraft;
    storageClass.reclaimPolicy ??= "Delete";
    storageClass.volumeBindingMode ??= "Immediate";
  },
  validate: (draft, errors) => {
    const { provisioner, reclaimPolicy, volumeBindingMode } = draft as ClassDraft;
    if ((provisioner ?? "") === "") errors.required("provisioner");
    else
      for (const fault of qualifiedNameFaults(provisioner.toLowerCase()))
        errors.invalid("provisioner", provisioner.toLowerCase(), fault);
    oneOf(reclaimPolicy, "reclaimPolicy", ["Delete", "Retain"], errors);
    oneOf(volumeBindingMode, "volumeBindingMode", ["Immediate", "WaitForFirstConsumer"], errors);
  },
  validateUpdate: (draft, before, errors) => {
    const next = draft as ClassDraft;
    const old = before as unknown as ClassDraft;
    for (const field of ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] as const) {
      // Upstream: the value is not in the message.
      if (!sameJson(next[field], old[field])) errors.invalid(field, null, "field is immutable");
    }
  },
};

type DriverDraft = Draft & { spec: CSIDriver["spec"] };

export const csiDriverRules: KindRules = {
  defaults: (draft) => {
    const driver = draft as DriverDraft;
    driver.spec = (driver.spec as CSIDriver["spec"] | undefined) ?? {};
    driver.spec.attachRequired ??= true;
    driver.spec.podInfoOnMount ??= false;
    driver.spec.storageCapacity ??= false;
    driver.spec.fsGroupPolicy ??= "ReadWriteOnceWithFSType";
    driver.spec.volumeLifecycleModes ??= ["Persistent"];
    driver.spec.requiresRepublish ??= false;
    driver.spec.seLinuxMount ??= false;
  },
  validateUpdate: (draft, before, errors) => {
    const { spec } = draft as DriverDraft;
    const old = (before as unknown as DriverDraft).spec;
    validateImmutable("spec.attachRequired", spec.attachRequired, old.attachRequired, errors);
    validateImmutable("spec.volumeLifecycleModes", spec.volumeLifecycleModes, old.volumeLifecycleModes, errors);
  },
};
