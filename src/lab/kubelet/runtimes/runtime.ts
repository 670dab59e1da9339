import type { Container, Pod } from "kubernetes-types/core/v1.js";
import { keyOf, uidOf } from "../../../kube/objects.ts";
import type { NodeFiles } from "../node-files.ts";

/** A directory or file of the node as a container sees it. */
export interface Mount {
  readonly mountPath: string;
  /** Path on the node. */
  readonly source: string;
  readonly readOnly: boolean;
}

/** One container to be started. */
export interface ContainerRun {
  readonly pod: Pod;
  readonly container: Container;
  /** How often it was started before. */
  readonly restarts: number;
  readonly mounts: readonly Mount[];
  /** Resolved: fields of the pod and keys of ConfigMaps are filled in. */
  readonly env: Readonly<Record<string, string>>;
  readonly files: NodeFiles;
}

export interface ContainerExit {
  readonly code: number;
  /** Wall-clock milliseconds. */
  readonly at: number;
  readonly reason?: string;
  readonly message?: string;
}

/** A container that was started. */
export interface ContainerHandle {
  /** Wall-clock milliseconds. */
  readonly startedAt: number;
  /** Milliseconds after the start at which it becomes ready; Infinity: never. */
  readonly readyAfterMs: number;
  readonly exit: ContainerExit | undefined;
  /** Resolves when it has ended; at once if it has. */
  exited(): Promise<ContainerExit>;
  /** Asks it to end, and kills it when it has not after `graceMs`. */
  stop(graceMs: number): void;
  log(): string;
}

/** A container cannot be started because its image cannot be pulled. */
export class ImagePullError extends Error {
  override readonly name = "ImagePullError";
}

/**
 * Runs the containers of one node. It outlives the kubelet: a restarted kubelet finds the running
 * containers.
 */
export interface ContainerRuntime {
  /**
   * Resolves when the container runs. Rejects with an ImagePullError, or with the signal's reason
   * when that is aborted first.
   */
  start(run: ContainerRun, signal: AbortSignal): Promise<ContainerHandle>;
  /** The latest start of a pod's container. */
  find(podUid: string, container: string): ContainerHandle | undefined;
  /**
   * The log of a pod's container; `podKey` is namespace/name. Undefined when there is no such
   * container.
   */
  log(podKey: string, container: string | undefined): string | undefined;
  /** Forgets the containers of a pod; they have ended. */
  forget(podUid: string): void;
  /** UIDs of the pods that have containers, running or ended. */
  pods(): readonly string[];
  /** SIGKILL to what runs of a pod; forgets it. */
  killPodOf(podUid: string): void;
  /** A power cut: everything ends at once and is forgotten. */
  killAll(): void;
}

/** The part that all runtimes share: which containers there are. */
export class ContainerRegistry {
  readonly #pods = new Map<string, { readonly name: string; readonly handles: Map<string, ContainerHandle> }>();
  readonly #runs = new Map<ContainerHandle, ContainerRun>();

  keep(run: ContainerRun, handle: ContainerHandle): void {
    const { pod, container } = run;
    const uid = uidOf(pod);
    const known = this.#pods.get(uid) ?? { name: keyOf(pod), handles: new Map<string, ContainerHandle>() };
    known.handles.set(container.name, handle);
    this.#pods.set(uid, known);
    for (const each of this.#runs.keys()) if (each.exit !== undefined) this.#runs.delete(each);
    this.#runs.set(handle, run);
  }

  /** The containers that have not ended, also of pods that were forgotten. */
  running(): ContainerRun[] {
    return [...this.#runs].filter(([handle]) => handle.exit === undefined).map(([, run]) => run);
  }

  find(podUid: string, container: string): ContainerHandle | undefined {
    return this.#pods.get(podUid)?.handles.get(container);
  }

  /**
   * The log of a pod's container, or of its only one; of several pods of this name that of the
   * newest.
   */
  log(podKey: string, container: string | undefined): string | undefined {
    const pod = [...this.#pods.values()].findLast(({ name }) => name === podKey);
    const [only] = pod?.handles.values() ?? [];
    return (container === undefined ? only : pod?.handles.get(container))?.log();
  }

  /**
   * Kills what runs in the newest pod of this name (namespace/name), as the kernel does when it is
   * out of memory.
   */
  async kill(podKey: string): Promise<void> {
    const pod = [...this.#pods.values()].findLast(({ name }) => name === podKey);
    const handles = [...(pod?.handles.values() ?? [])];
    for (const handle of handles) handle.stop(0);
    await Promise.all(handles.map((handle) => handle.exited()));
  }

  forget(podUid: string): void {
    this.#pods.delete(podUid);
  }

  pods(): readonly string[] {
    return [...this.#pods.keys()];
  }

  killPodOf(podUid: string): void {
    for (const handle of this.#pods.get(podUid)?.handles.values() ?? []) handle.stop(0);
    this.#pods.delete(podUid);
  }

  killAll(): void {
    for (const { handles } of this.#pods.values()) for (const handle of handles.values()) handle.stop(0);
    this.#pods.clear();
  }
}
