import type { KubeMetrics } from "../kube/metrics.ts";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/**
 * Names and labels of the first six are those of the provisioning library that
 * local-path-provisioner is built on (it never served them), so that dashboards made for other
 * provisioners work.
 */
export interface ProvisionMetrics {
  readonly provisioned: Counter<"class" | "source">;
  readonly provisionFailed: Counter<"class" | "source">;
  readonly provisionSeconds: Histogram<"class" | "source">;
  readonly deleted: Counter<"class">;
  readonly deleteFailed: Counter<"class">;
  readonly deleteSeconds: Histogram<"class">;
  /** Volumes whose object was deleted and whose data was left where it is, on purpose. */
  readonly dataKept: Counter<"class">;
  /** Claims bound by us (`express`), or found bound by kube-controller-manager (`ordinary`). */
  readonly bound: Counter<"by">;
  /** Seconds from asking kube-controller-manager for an acknowledgement to getting it. */
  readonly acknowledgementSeconds: Histogram;
  /** Claims found Lost although their volume exists, and repaired. */
  readonly lostRepaired: Counter;
  /** Attempts on record whose volume is not accounted for, by driver. */
  readonly attempts: Gauge<"driver">;
}

export function provisionMetrics(registry: Registry): ProvisionMetrics {
  const registers = [registry];
  const seconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
  return {
    provisioned: new Counter({
      name: "controller_persistentvolumeclaim_provision_total",
      help: "Total number of persistent volumes provisioned succesfully. Broken down by storage class name.",
      labelNames: ["class", "source"],
      registers,
    }),
    provisionFailed: new Counter({
      name: "controller_persistentvolumeclaim_provision_failed_total",
      help: "Total number of persistent volume provision failed attempts. Broken down by storage class name.",
      labelNames: ["class", "source"],
      registers,
    }),
    provisionSeconds: new Histogram({
      name: "controller_persistentvolumeclaim_provision_duration_seconds",
      help: "Latency in seconds to provision persistent volumes. Failed provisioning attempts are ignored. Broken down by storage class name.",
      labelNames: ["class", "source"],
      buckets: seconds,
      registers,
    }),
    deleted: new Counter({
      name: "controller_persistentvolume_delete_total",
      help: "Total number of persistent volumes deleted succesfully. Broken down by storage class name.",
      labelNames: ["class"],
      registers,
    }),
    deleteFailed: new Counter({
      name: "controller_persistentvolume_delete_failed_total",
      help: "Total number of persistent volume delete failed attempts. Broken down by storage class name.",
      labelNames: ["class"],
      registers,
    }),
    deleteSeconds: new Histogram({
      name: "controller_persistentvolume_delete_duration_seconds",
      help: "Latency in seconds to delete persistent volumes. Failed deletion attempts are ignored. Broken down by storage class name.",
      labelNames: ["class"],
      buckets: seconds,
      registers,
    }),
    dataKept: new Counter({
      name: "mooring_volume_data_kept_total",
      help: "Volumes that were deleted and whose data was left where it is on purpose: another volume uses it, or its node is gone. An event VolumeDataKept names each.",
      labelNames: ["class"],
      registers,
    }),
    bound: new Counter({
      name: "mooring_claims_bound_total",
      help: "Claims of ours that became bound, by who wrote the binding: express (this program) or ordinary (kube-controller-manager).",
      labelNames: ["by"],
      registers,
    }),
    acknowledgementSeconds: new Histogram({
      name: "mooring_express_bind_acknowledgement_seconds",
      help: "Time kube-controller-manager took to show that it has taken in the volumes written before the question.",
      buckets: seconds,
      registers,
    }),
    lostRepaired: new Counter({
      name: "mooring_lost_claims_repaired_total",
      help: "Claims that were Lost although their volume exists, and got their status back.",
      registers,
    }),
    attempts: new Gauge({
      name: "mooring_provision_attempts",
      help: "Attempts to make a volume that are still on record on the cluster (for the classic driver, helper pods).",
      labelNames: ["driver"],
      registers,
    }),
  };
}

/** The queue and controller metrics as an option: absent where there are none. */
export function metricsOf(metrics: KubeMetrics | undefined): { readonly metrics?: KubeMetrics } {
  return metrics === undefined ? {} : { metrics };
}
