import { afterAll, beforeAll, beforeEach } from "vitest";
import type { ApiClient } from "../../cluster/api.ts";
import { ClusterGround } from "../../cluster/cluster-ground.ts";
import { startCluster } from "../../cluster/cluster.ts";
import type { Ground } from "../../cluster/ground.ts";
import { closeSharedGround } from "./shared-ground.ts";

/**
 * A cluster without machines for stories about hundreds of claims, and an API client for the test
 * to do what would happen on the machines.
 */
export interface BareGround {
  readonly ground: Ground;
  /** For a test that acts as the kubelet or as another provisioner. */
  readonly api: ApiClient;
}

/**
 * A cluster of its own for the stories of one file, with three nodes that are only objects. Skipped
 * where the run was pointed at an existing cluster.
 */
export function useBareGround(): BareGround {
  let open: BareGround | undefined;
  beforeAll(async () => {
    if (process.env["MOORING_GROUND"] !== undefined) return;
    await closeSharedGround();
    const cluster = await startCluster({ nodes: 0, bareNodes: 3, log: (line) => process.stderr.write(`${line}\n`) });
    open = { ground: new ClusterGround(cluster, "dist"), api: cluster.api };
  });
  beforeEach(({ skip }) => {
    if (open === undefined) skip("these stories start a cluster of bare nodes; the run was pointed at an existing one");
  });
  afterAll(async () => {
    await open?.ground.close();
    open = undefined;
  });
  const now = (): BareGround => {
    if (open === undefined) throw new Error("the ground is there only while tests run");
    return open;
  };
  return {
    get ground() {
      return now().ground;
    },
    get api() {
      return now().api;
    },
  };
}
