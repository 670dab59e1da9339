import { Child, programArgv } from "../child.ts";
import type { Subject } from "./subject.ts";

const PROVISIONER = "bench.mooring.dev/floor";

/** The protocol's floor: a provisioner that posts the PersistentVolume and does nothing else. */
export const floor: Subject = {
  name: "floor",
  provisioner: PROVISIONER,
  reclaims: false,
  start: (cluster) =>
    Promise.resolve(new Child(cluster, "floor", programArgv("floor-main.ts", cluster.kubeconfig, PROVISIONER))),
};
