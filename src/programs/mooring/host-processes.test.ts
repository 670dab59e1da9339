import { expect, it } from "vitest";
import { thisProcess, whyOnlyOwnPod, type Process } from "./host-processes.ts";

/** An agent in a pod with hostPID: its parent is the container runtime's shim. */
const inPod: Process = { pid: 4711, ppid: 4690, isInPod: true, isWithInit: false };
const onHost: Process = { pid: 4711, ppid: 1, isInPod: false, isWithInit: true };

it.each<[string, Process, RegExp | undefined]>([
  ["a pod with hostPID", inPod, undefined],
  ["a pod without it", { ...inPod, pid: 1, ppid: 0, isWithInit: true }, /it is PID 1/],
  ["a pod with shareProcessNamespace", { ...inPod, pid: 7, ppid: 0 }, /another process namespace/],
  ["a pod without hostPID whose image has an init", { ...inPod, pid: 7, ppid: 1, isWithInit: true }, /own container/],
  ["a container without a kubelet", { ...onHost, pid: 1, ppid: 0 }, /it is PID 1/],
  ["a program on the host", onHost, undefined],
  ["a program that nsenter has started", { ...onHost, ppid: 0 }, undefined],
])("%s", (_, process, why) => {
  if (why === undefined) expect(whyOnlyOwnPod(process)).toBeUndefined();
  else expect(whyOnlyOwnPod(process)).toMatch(why);
});

it("the process that runs the tests says what it is", () => {
  expect(thisProcess({})).toMatchObject({ pid: process.pid, ppid: process.ppid, isInPod: false });
  expect(thisProcess({ KUBERNETES_SERVICE_HOST: "10.96.0.1" }).isInPod).toBe(true);
});
