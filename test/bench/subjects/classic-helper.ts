import { ClusterGround } from "../../cluster/cluster-ground.ts";
import { installProduct, uninstallProduct } from "../../stories/support/product.ts";
import type { Subject } from "./subject.ts";

/** The product in a pod, as its manifest installs it, with real helper pods. */
export const classicHelper: Subject = {
  name: "classic-helper",
  provisioner: "rancher.io/local-path",
  reclaims: true,
  start: async (cluster) => {
    const ground = new ClusterGround(cluster, "dist");
    await installProduct(ground);
    return {
      // A pod that dies is started again; what that costs is seen in the figures.
      failure: () => new Promise(() => undefined),
      residentMiB: () => undefined,
      stop: () => uninstallProduct(ground),
    };
  },
};
