/* What programs and tests may import from the lab. */
export type { CallWebhook } from "./api/admission/admission.ts";
export type { Fault, FaultRequest } from "./api/faults.ts";
export { KINDS } from "./api/kinds/kinds.ts";
export { LabApi } from "./api/lab-api.ts";
export { ADMIN, type LabUser } from "./api/request.ts";
export { CsiDrivers } from "./kubelet/csi-drivers.ts";
export { MemoryNodeFiles } from "./kubelet/memory-node-files.ts";
export type { NodeFiles } from "./kubelet/node-files.ts";
export {
  type ContainerExit,
  type ContainerHandle,
  ContainerRegistry,
  type ContainerRun,
  type ContainerRuntime,
  type Mount,
} from "./kubelet/runtimes/runtime.ts";
export { type Play, ScriptedRuntime } from "./kubelet/runtimes/scripted-runtime.ts";
export { webhookCaller } from "./machine/call-webhook.ts";
export { DirectoryFiles } from "./machine/directory-files.ts";
export { freePort } from "./machine/free-port.ts";
export { Guard } from "./machine/guard.ts";
export { type LabNode, type MachineLab, startMachineLab } from "./machine/machine-lab.ts";
export { type Deployment, deployments, podDisruptionBudgets, type StatefulSet, statefulSets } from "./objects/kinds.ts";
export { MortalKube } from "./process/mortal-kube.ts";
export { makeCertificate, type ServerCertificate } from "./server/certificate.ts";
export { type ServedLab, serveLab } from "./server/serve.ts";
export { type Controllers, MANAGER, type ManagerController, SCHEDULER, startControllers } from "./start.ts";
export type { Change } from "./store/store.ts";
export { virtualClock, type VirtualClock } from "./virtual/virtual-clock.ts";
