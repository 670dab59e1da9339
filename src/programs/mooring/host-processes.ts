/*
 * Whether the agent shares the process namespace of its node (`hostPID`). Without it the agent sees
 * only the processes of its own pod, and would prove that nobody writes to a volume while a pod
 * does.
 *
 * The inode of the initial process namespace says nothing: the nodes of kind and k3d are containers
 * with namespaces of their own. What counts is how the agent's own process was started.
 */
import { readlinkSync } from "node:fs";
import { isSystemError } from "../../agent/sys/libc.ts";

/** What a process sees of where it runs. */
export interface Process {
  readonly pid: number;
  /** 0: the process that has started it is in another process namespace. */
  readonly ppid: number;
  /** Whether a kubelet has started it, as the environment says. */
  readonly isInPod: boolean;
  /** Whether PID 1 has the same mount namespace, and so the same container. */
  readonly isWithInit: boolean;
}

/**
 * Why a process sees only the processes of its own pod. Undefined: nothing says so. Outside of pods
 * an agent may be started by anything, so there only PID 1 counts.
 */
export function whyOnlyOwnPod({ isInPod, isWithInit, pid, ppid }: Process): string | undefined {
  if (pid === 1) return "it is PID 1";
  if (!isInPod) return undefined;
  // With shareProcessNamespace PID 1 is the pause container. With hostPID the container runtime
  // that has started the agent is visible.
  if (ppid === 0) return "the process that has started it is in another process namespace";
  // An init of the image, such as tini.
  if (isWithInit) return "PID 1 runs in the agent's own container";
  return undefined;
}

export function thisProcess(env: Readonly<Record<string, string | undefined>>): Process {
  const { pid, ppid } = process;
  return { pid, ppid, isInPod: env["KUBERNETES_SERVICE_HOST"] !== undefined, isWithInit: isWithInit() };
}

function isWithInit(): boolean {
  try {
    return readlinkSync("/proc/1/ns/mnt") === readlinkSync("/proc/self/ns/mnt");
  } catch (error) {
    // The kernel hides this link of processes that the agent may not trace. It may trace those of
    // its own container.
    if (isSystemError(error)) return false;
    throw error;
  }
}
