/*
 * The node calls of the Container Storage Interface as plain TypeScript. The agent implements them;
 * its gRPC server and the lab call them.
 */

/**
 * The gRPC status codes of a failed call. The kubelet treats them differently (see CsiError).
 */
export type CsiCode =
  "INVALID_ARGUMENT" | "NOT_FOUND" | "ALREADY_EXISTS" | "FAILED_PRECONDITION" | "ABORTED" | "UNAVAILABLE" | "INTERNAL";

/**
 * The error of a failed call.
 *
 * ABORTED and UNAVAILABLE mean that the call may still be running: the kubelet calls again, and
 * unpublishes the volume when the pod is deleted. After every other code the kubelet assumes that
 * the volume is not published and never unpublishes it. So nothing may be left mounted then
 * (pkg/volume/csi isFinalError, 1.37).
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

/** Bytes and inodes of one volume. `used` is absent until they have been counted. */
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
   * Unmounts whatever is mounted at the target and removes the target. An unknown volume is not an
   * error.
   */
  unpublish(request: UnpublishRequest): Promise<void>;
  stats(request: VolumeStatsRequest): Promise<VolumeStats>;
}
