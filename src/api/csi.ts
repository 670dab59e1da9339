/*
 * The calls of the Container Storage Interface that a node answers, as plain TypeScript: the agent
 * implements them, its gRPC server and the lab call them.
 */

/**
 * The gRPC status codes that a call is refused with; the kubelet tells them apart (see CsiError).
 */
export type CsiCode =
  "INVALID_ARGUMENT" | "NOT_FOUND" | "ALREADY_EXISTS" | "FAILED_PRECONDITION" | "ABORTED" | "UNAVAILABLE" | "INTERNAL";

/**
 * A call that was refused.
 *
 * ABORTED and UNAVAILABLE say that the call may still be running: the kubelet calls again, and
 * unpublishes when the pod goes. After every other code it takes the volume as not published,
 * forgets it, and never unpublishes it: nothing may then be mounted (pkg/volume/csi isFinalError,
 * 1.37).
 */
export class CsiError extends Error {
  override readonly name = "CsiError";
  readonly code: CsiCode;

  constructor(code: CsiCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** VolumeCapability.AccessMode.Mode. */
export type AccessMode =
  | "UNKNOWN"
  | "SINGLE_NODE_WRITER"
  | "SINGLE_NODE_READER_ONLY"
  | "MULTI_NODE_READER_ONLY"
  | "MULTI_NODE_SINGLE_WRITER"
  | "MULTI_NODE_MULTI_WRITER"
  | "SINGLE_NODE_SINGLE_WRITER"
  | "SINGLE_NODE_MULTI_WRITER";

export interface PublishRequest {
  readonly volumeId: string;
  readonly targetPath: string;
  readonly readonly: boolean;
  /** `none` when the request has no capability. */
  readonly accessType: "mount" | "block" | "none";
  readonly accessMode: AccessMode;
  readonly mountFlags: readonly string[];
  readonly volumeContext: Readonly<Record<string, string>>;
}

export interface UnpublishRequest {
  readonly volumeId: string;
  readonly targetPath: string;
}

export interface VolumeStatsRequest {
  readonly volumeId: string;
  readonly volumePath: string;
}

/** Bytes and inodes of one volume. `used` is absent until it has been counted. */
export interface VolumeStats {
  readonly bytes: Usage;
  readonly inodes: Usage;
}

export interface Usage {
  readonly total: number;
  readonly available: number;
  readonly used?: number | undefined;
}

/** The node service of a driver. Every method rejects with a CsiError, and with nothing else. */
export interface CsiNode {
  /** Mounts the volume at the target. Calling it again with the same arguments is harmless. */
  publish(request: PublishRequest): Promise<void>;
  /**
   * Unmounts whatever is mounted at the target and removes the target. Unknown volumes are no
   * error.
   */
  unpublish(request: UnpublishRequest): Promise<void>;
  stats(request: VolumeStatsRequest): Promise<VolumeStats>;
}
