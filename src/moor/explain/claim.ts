/* Why a claim has no volume yet. */
import { DRIVER } from "../../api/names.ts";
import type { PersistentVolumeClaim, Pod, StorageClass } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import { isStranded } from "../../move/drains/stranded.ts";
import { classNameOf, selectedNodeOf, waitsForConsumer } from "../../provision/claims/claims.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { adviceIn } from "./advice.ts";
import { lastWarning } from "./events.ts";
import type { Trouble } from "./explanation.ts";
import { schedulerSays } from "./pod.ts";

/** The names of Mooring's own drivers. */
const OURS: ReadonlySet<string> = new Set([DRIVER, "rancher.io/local-path"]);

/** Why a claim is not bound, and what to do about it. */
export function whyUnbound(
  cluster: Cluster,
  claim: Stored<PersistentVolumeClaim>,
  pods: readonly Stored<Pod>[],
): Trouble {
  if (claim.status?.phase === "Lost") {
    return {
      why: `its PersistentVolume ${claim.spec?.volumeName ?? ""} is gone`,
      advice: "Make a new claim; restore its data from a backup.",
    };
  }
  const className = classNameOf(claim);
  const storageClass = cluster.storageClasses.store.get(className);
  return whyNoDriver(className, storageClass) ?? whyNotMade(cluster, claim, storageClass, pods);
}

function whyNoDriver(className: string, storageClass: Stored<StorageClass> | undefined): Trouble | undefined {
  if (className === "") {
    return {
      why: "it names no StorageClass",
      advice: "Delete the claim, and make it again with spec.storageClassName.",
    };
  }
  if (storageClass === undefined) {
    return {
      why: `there is no StorageClass ${className}`,
      advice: "Create the class, or name another one in a new claim.",
    };
  }
  if (OURS.has(storageClass.provisioner)) return undefined;
  return {
    why: `its class ${className} belongs to the driver ${storageClass.provisioner}, which is not Mooring's`,
    advice: "Check the events of the claim, and that driver.",
  };
}

function whyNotMade(
  cluster: Cluster,
  claim: Stored<PersistentVolumeClaim>,
  storageClass: Stored<StorageClass> | undefined,
  pods: readonly Stored<Pod>[],
): Trouble {
  const warning = lastWarning(cluster.events, claim);
  if (warning !== undefined) {
    return {
      why: warning,
      advice: adviceIn(warning) ?? "Fix the problem in this message. The controller then tries again by itself.",
    };
  }
  const node = selectedNodeOf(claim)?.node;
  if (node !== undefined) {
    return {
      why: `its volume is being made on node ${node}`,
      advice: "Wait a few seconds. If nothing changes, look at the log of Mooring's controller.",
    };
  }
  const waits = storageClass !== undefined && waitsForConsumer(storageClass);
  if (waits && pods.length === 0) {
    return {
      why: "no pod uses it yet, and its class makes a volume on the node of the first pod",
      advice: "Start a pod that uses it.",
    };
  }
  const stranded = pods.find((pod) => isStranded(pod));
  if (stranded !== undefined) {
    return {
      why: `the scheduler finds no node for pod ${stranded.metadata.name}: ${schedulerSays(stranded)}`,
      advice: "Fix the problem that the scheduler reports. The volume is made on the node of the pod.",
    };
  }
  return { why: "its driver has not made a volume yet", advice: "Check that Mooring's controller runs." };
}
