import { ClusterGround } from "../../cluster/cluster-ground.ts";
import { uninstallProduct } from "../../stories/support/product.ts";
import { Child } from "../child.ts";
import type { Subject } from "./subject.ts";
import { withoutDeployment } from "./without-deployment.ts";

/** Rancher's local-path-provisioner, from a binary on this machine, with real helper pods. */
export function original(binary: string): Subject {
  return {
    name: "original",
    provisioner: "rancher.io/local-path",
    reclaims: true,
    start: async (cluster) => {
      const ground = new ClusterGround(cluster, "dist");
      await ground.apply(await withoutDeployment());
      const program = new Child(cluster, "original", [binary, "start", "--kubeconfig", cluster.kubeconfig], {
        HEALTH_PORT: "0",
      });
      return {
        failure: () => program.failure(),
        residentMiB: () => program.residentMiB(),
        stop: async () => {
          await program.stop();
          await uninstallProduct(ground);
        },
      };
    },
  };
}
