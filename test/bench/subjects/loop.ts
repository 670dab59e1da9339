import { Child, programArgv } from "../child.ts";
import type { Subject } from "./subject.ts";

const PROVISIONER = "bench.mooring.dev/loop";

/** The product's provisioning loop with express bind, and a driver that makes nothing. */
export const loop: Subject = {
  name: "loop",
  provisioner: PROVISIONER,
  reclaims: true,
  start: (cluster) =>
    Promise.resolve(new Child(cluster, "loop", programArgv("loop-main.ts", cluster.kubeconfig, PROVISIONER))),
};
