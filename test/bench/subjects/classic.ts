import { ClusterGround } from "../../cluster/cluster-ground.ts";
import { Child, programArgv } from "../child.ts";
import type { Subject } from "./subject.ts";
import { HELPER_NAMESPACE, withoutDeployment } from "./without-deployment.ts";

/** The built product on a shared file system; the bench plays the kubelet for its helper pods. */
export const classic: Subject = {
  name: "classic",
  provisioner: "rancher.io/local-path",
  reclaims: true,
  start: async (cluster) => {
    await new ClusterGround(cluster, "dist").apply(await withoutDeployment());
    const kubelet = new Child(cluster, "kubelet", programArgv("kubelet-main.ts", cluster.kubeconfig, HELPER_NAMESPACE));
    const config = JSON.stringify({ sharedFileSystemPath: "/nowhere" });
    const options = ["--config", config, "--kubeconfig", cluster.kubeconfig, "--health-port", "0"];
    const product = new Child(cluster, "classic", [
      process.execPath,
      "dist/local-path-provisioner.mjs",
      "start",
      ...options,
    ]);
    return {
      failure: () => Promise.race([product.failure(), kubelet.failure()]),
      residentMiB: () => product.residentMiB(),
      stop: async () => {
        await product.stop();
        await kubelet.stop();
      },
    };
  },
};
