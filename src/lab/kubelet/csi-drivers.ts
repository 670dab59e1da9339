/*
 * The CSI drivers of one node, and what they have published for its pods. This belongs to the
 * machine and survives its kubelet, like the vol_data.json files from which a real kubelet
 * reconstructs what it has to unpublish.
 *
 *   publishing ── ok, or an error after which the call may still run ──▶ recorded
 *      └── a final error ──▶ forgotten: it is never unpublished
 *   recorded ── unpublish ok ──▶ forgotten
 */
import type { PersistentVolume } from "kubernetes-types/core/v1.js";
import { CsiError, type CsiCode, type CsiNode } from "../../api/csi.ts";
import { messageOf } from "../../observe/errors.ts";

interface Publication {
  readonly driver: string;
  readonly volumeId: string;
  readonly targetPath: string;
}

/** A CSI call failed. The message is the one that the kubelet would print. */
export class CsiFailure extends Error {
  override readonly name = "CsiFailure";
}

export class CsiDrivers {
  readonly #nodes = new Map<string, CsiNode>();
  /** Pod UID → target → what is published there. */
  readonly #published = new Map<string, Map<string, Publication>>();

  /** Registers a driver's plugin. Returns a function that unregisters it. */
  register(driver: string, node: CsiNode): () => void {
    this.#nodes.set(driver, node);
    return () => {
      if (this.#nodes.get(driver) === node) this.#nodes.delete(driver);
    };
  }

  /** UIDs of the pods for which something is, or may be, published. */
  pods(): readonly string[] {
    return [...this.#published].filter(([, targets]) => targets.size > 0).map(([uid]) => uid);
  }

  /** Publishes a volume at the target. Rejects with a CsiFailure. */
  async publish(podUID: string, { spec }: PersistentVolume, targetPath: string): Promise<void> {
    const { csi, accessModes = [], mountOptions = [], volumeMode } = spec ?? {};
    const { driver = "", volumeHandle: volumeId = "", volumeAttributes = {}, readOnly = false } = csi ?? {};
    const published = this.#published.get(podUID) ?? new Map<string, Publication>();
    this.#published.set(podUID, published);
    try {
      const node = this.#nodeOf(driver, "mounter.SetUpAt failed to get CSI client");
      published.set(targetPath, { driver, volumeId, targetPath });
      await node.publish({
        volumeId,
        targetPath,
        readonly: readOnly,
        accessType: volumeMode === "Block" ? "block" : "mount",
        accessMode: accessModes.includes("ReadWriteOncePod") ? "SINGLE_NODE_SINGLE_WRITER" : "SINGLE_NODE_MULTI_WRITER",
        mountFlags: mountOptions,
        volumeContext: volumeAttributes,
      });
    } catch (error) {
      if (!(error instanceof CsiError)) throw error;
      if (error.code !== "ABORTED" && error.code !== "UNAVAILABLE") published.delete(targetPath);
      throw new CsiFailure(rpcError(error), { cause: error });
    }
  }

  /**
   * Unpublishes everything of a pod, each on its own. Rejects with a CsiFailure while one is left.
   */
  async unpublishAll(podUID: string): Promise<void> {
    const published = this.#published.get(podUID);
    const calls = [...(published?.values() ?? [])].map(async ({ driver, targetPath, volumeId }) => {
      const node = this.#nodeOf(driver, "Unmounter.TearDownAt failed to get CSI client");
      await node.unpublish({ volumeId, targetPath });
      published?.delete(targetPath);
    });
    const [failed] = (await Promise.allSettled(calls)).filter((result) => result.status === "rejected");
    if (failed !== undefined) throw new CsiFailure(messageOf(failed.reason), { cause: failed.reason });
    this.#published.delete(podUID);
  }

  #nodeOf(driver: string, what: string): CsiNode {
    const node = this.#nodes.get(driver);
    if (node !== undefined) return node;
    throw new CsiFailure(
      `kubernetes.io/csi: ${what}: driver name ${driver} not found in the list of registered CSI drivers`,
    );
  }
}

/** The target path at which the kubelet publishes a CSI volume. */
export function csiTarget(podUID: string, volume: string): string {
  return `/var/lib/kubelet/pods/${podUID}/volumes/kubernetes.io~csi/${volume}/mount`;
}

const GO_CODES: Readonly<Record<CsiCode, string>> = {
  INVALID_ARGUMENT: "InvalidArgument",
  NOT_FOUND: "NotFound",
  ALREADY_EXISTS: "AlreadyExists",
  FAILED_PRECONDITION: "FailedPrecondition",
  ABORTED: "Aborted",
  UNAVAILABLE: "Unavailable",
  INTERNAL: "Internal",
};

function rpcError({ code, message }: CsiError): string {
  return `rpc error: code = ${GO_CODES[code]} desc = ${message}`;
}
