/*
 * The node service. It checks the arguments, and answers each call within a second.
 *
 * A publish or unpublish that takes longer goes on. The kubelet gets the answer ABORTED, which it
 * takes as "still running" and not as final. Its next call for the same target with the same
 * arguments waits for the work that is already running.
 */
import { volumeName } from "../../api/kinds/fields.ts";
import type { CsiNode, PublishRequest, UnpublishRequest, VolumeStats, VolumeStatsRequest } from "../../api/csi.ts";
import type { Clock } from "../../effects/clock.ts";
import type { CodedError } from "../../observe/errors.ts";
import { agentErrors } from "../errors.ts";
import { asCsiError, type Publisher } from "./publisher.ts";

/** How long a call may take before it is answered. */
const ANSWER_MS = 900;

/** The access modes of a volume that is on one node at a time. */
const MODES: readonly PublishRequest["accessMode"][] = [
  "SINGLE_NODE_WRITER",
  "SINGLE_NODE_READER_ONLY",
  "SINGLE_NODE_SINGLE_WRITER",
  "SINGLE_NODE_MULTI_WRITER",
];

/**
 * The kubelet sets this for an inline volume of a pod. Such a volume has no LocalVolume, so it is
 * refused.
 */
const EPHEMERAL = "csi.storage.k8s.io/ephemeral";

export interface NodeServiceDeps {
  readonly clock: Clock;
  readonly publisher: Publisher;
  readonly kubeletDirectory: string;
  /** Resolves with undefined when the volume is not published at the path. */
  readonly statsOf: (request: VolumeStatsRequest) => Promise<VolumeStats | undefined>;
}

interface Running {
  readonly request: string;
  readonly ended: Promise<void>;
}

export class NodeService implements CsiNode {
  readonly #deps: NodeServiceDeps;
  /** The key is the kind of call and the target. */
  readonly #running = new Map<string, Running>();
  #stopping = false;

  constructor(deps: NodeServiceDeps) {
    this.#deps = deps;
  }

  async publish(request: PublishRequest): Promise<void> {
    this.#checkTarget(request.volumeId, request.targetPath, "target_path");
    checkCapability(request);
    const still = agentErrors.STILL_PUBLISHING({ volume: request.volumeId });
    await this.#join(`publish ${request.targetPath}`, request, still, () => this.#deps.publisher.publish(request));
  }

  async unpublish(request: UnpublishRequest): Promise<void> {
    this.#checkTarget(request.volumeId, request.targetPath, "target_path");
    const still = agentErrors.STILL_UNPUBLISHING({ volume: request.volumeId });
    await this.#join(`unpublish ${request.targetPath}`, request, still, () => this.#deps.publisher.unpublish(request));
  }

  async stats(request: VolumeStatsRequest): Promise<VolumeStats> {
    const { volumeId: volume, volumePath: target } = request;
    this.#checkTarget(volume, target, "volume_path");
    try {
      const stats = await this.#deps.statsOf(request);
      if (stats === undefined) throw agentErrors.NOT_PUBLISHED({ volume, target });
      return stats;
    } catch (error) {
      throw asCsiError(error);
    }
  }

  /** Takes no more calls; resolves when the running ones have ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.allSettled([...this.#running.values()].map(({ ended }) => ended));
  }

  async #join(key: string, request: object, still: CodedError, work: () => Promise<void>): Promise<void> {
    const text = JSON.stringify(request);
    const before = this.#running.get(key);
    if (before !== undefined && before.request !== text) throw asCsiError(still);
    if (before === undefined && this.#stopping) throw asCsiError(agentErrors.STOPPING({}));
    const ended = before?.ended ?? this.#begin(key, text, work);
    const { clock } = this.#deps;
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(ANSWER_MS, () => {
        reject(asCsiError(still));
      });
    });
    await Promise.race([ended, late]).finally(() => {
      cancel();
    });
  }

  #begin(key: string, request: string, work: () => Promise<void>): Promise<void> {
    const ended = work().finally(() => {
      this.#running.delete(key);
    });
    // Each waiting call gets the error. If no call waits any more, the next call tries again and
    // finds the error itself.
    ended.catch(() => undefined);
    this.#running.set(key, { request, ended });
    return ended;
  }

  /**
   * A target must be below the kubelet's directory of a pod, because its path says which pod has
   * the volume.
   */
  #checkTarget(volume: string, path: string, argument: string): void {
    if (!volumeName.safeParse(volume).success) throw bad("volume_id", "is not the name of a volume of mooring.dev");
    const pods = `${this.#deps.kubeletDirectory}/pods/`;
    const parts = path.slice(pods.length).split("/");
    const isClean = parts.length > 1 && parts.every((part) => part !== "" && part !== "." && part !== "..");
    if (!path.startsWith(pods) || !isClean) throw bad(argument, `${path} is not below ${pods}<pod UID>`);
  }
}

function checkCapability({ accessMode, accessType, mountFlags, volumeContext }: PublishRequest): void {
  if (accessType === "none") throw bad("volume_capability", "is missing");
  if (accessType === "block") throw bad("volume_capability", "asks for a block device; only file systems are served");
  if (!MODES.includes(accessMode)) {
    throw bad("volume_capability", `has the access mode ${accessMode}; a volume is on one node at a time`);
  }
  if (mountFlags.length > 0) {
    throw bad("volume_capability", `has the mount options ${mountFlags.join(", ")}, which are not supported`);
  }
  if (volumeContext[EPHEMERAL] === "true")
    throw bad("volume_context", "asks for an inline volume, which is not served");
}

function bad(argument: string, why: string): Error {
  return asCsiError(agentErrors.BAD_ARGUMENT({ argument, why }));
}
