import { uidOf } from "../../kube/objects.ts";
import type { Ledger, ProvisionRequest } from "../driver.ts";

/**
 * What a driver's ledger holds for the claims of one loop.
 *
 *   nothing ── take ──▶ reserved on a node ── stored ──▶ nothing (the room is the volume's)
 *                              └──────────── drop ────▶ released
 *
 * Invariant: every volume that the ledger holds room for and whose PersistentVolume is not stored
 * has an entry here, so that none is held for ever. A crash loses both, and the driver makes its
 * ledger from what is on the cluster.
 */
export class Reservations {
  readonly #ledger: Ledger;
  /** By claim UID. */
  readonly #held = new Map<string, { readonly volumeName: string; readonly node: string | undefined }>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  has(claimUid: string): boolean {
    return this.#held.has(claimUid);
  }

  /**
   * The node on which there is room for this claim's volume; undefined also for one that needs no
   * node.
   */
  nodeOf(claimUid: string): string | undefined {
    return this.#held.get(claimUid)?.node;
  }

  /** Takes room for all of them on their node. Throws the ledger's error where it gives none. */
  take(requests: readonly ProvisionRequest[]): void {
    const reserved = this.#ledger.reserve(requests);
    for (const { claim, volumeName, node } of requests) {
      if (reserved.outcome === "refused") this.#held.delete(uidOf(claim));
      else this.#held.set(uidOf(claim), { volumeName, node: node?.metadata.name });
    }
    if (reserved.outcome === "refused") throw reserved.error;
  }

  /** The claim's PersistentVolume is stored. */
  stored(claimUid: string): void {
    this.#held.delete(claimUid);
  }

  /** The claim's volume will not be made, or not on that node. */
  drop(claimUid: string): void {
    const held = this.#held.get(claimUid);
    if (held === undefined) return;
    this.#held.delete(claimUid);
    this.#ledger.release(held.volumeName);
  }
}
