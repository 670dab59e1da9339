import type { Lease } from "../../../kube/kinds.ts";
import { before, type Describe } from "../line.ts";

/** Who leads among the provisioner's replicas. */
export const describeLease: Describe<Lease> = (change) => {
  if (change.type === "deleted") return [];
  const holder = change.object.spec?.holderIdentity ?? "";
  const was = before(change)?.spec?.holderIdentity ?? "";
  if (holder === was) return [];
  if (holder === "") return [{ actor: "provisioner", text: `${processOf(was)} has released the lease` }];
  return [{ actor: "provisioner", text: `${processOf(holder)} leads` }];
};

/** An identity is the host name, which in a pod is the pod's, and a UUID. */
function processOf(identity: string): string {
  return identity.replace(/_[^_]*$/, "");
}
