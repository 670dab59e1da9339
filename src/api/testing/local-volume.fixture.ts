import type { LocalVolumeSpec } from "../kinds/local-volume.ts";

/** A volume of the pool `default` in its first epoch, on a node that has its name as host name. */
export function localVolumeSpec(nodeName: string, change: Partial<LocalVolumeSpec> = {}): LocalVolumeSpec {
  return {
    pool: "default",
    capacity: "1Gi",
    nodeName,
    originHostname: nodeName,
    epoch: 1,
    incarnation: "2f3a1c9e-1111-4222-8333-444455556666",
    policies: { onDrain: "Move", onNodeLoss: "Wait", maxDowntime: "60s" },
    directory: { mode: "0777", uid: 0, gid: 0 },
    reclaim: false,
    ...change,
  };
}
