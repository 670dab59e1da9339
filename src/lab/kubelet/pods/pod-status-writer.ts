import { isDeepStrictEqual } from "node:util";
import type { Pod, PodStatus } from "kubernetes-types/core/v1.js";
import type { Clock } from "../../../effects/clock.ts";
import type { KubeClient } from "../../../kube/client.ts";
import { isNotFound } from "../../../kube/errors.ts";
import { pods } from "../../../kube/kinds.ts";
import { background } from "../../../observe/background.ts";
import type { Log } from "../../../observe/log.ts";

const WRITE_RETRY_MS = 1_000;

interface WriterDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

interface StatusSource {
  readonly pod: { readonly name: string; readonly namespace: string | undefined; readonly uid: string };
  /** As it is now. */
  status(): PodStatus;
  /** The pod's object is gone: nothing is to be written any more. */
  isGone(): boolean;
  /** Called with the pod as the server has stored it. */
  onWritten(pod: Pod): void;
}

/**
 * Writes a pod's status as a whole, one write at a time, and only when it has changed; a refused
 * one is tried again each second while the pod is there.
 */
export class PodStatusWriter {
  readonly #deps: WriterDeps;
  readonly #source: StatusSource;
  #written: PodStatus | undefined;
  #writing: Promise<void> | undefined;
  #again = false;

  constructor(deps: WriterDeps, source: StatusSource) {
    this.#deps = deps;
    this.#source = source;
  }

  /** Requests a write of the current status. */
  sync(): void {
    this.#again = true;
    this.#writing ??= background(this.#deps.log, "pod status", this.#write()).finally(() => {
      this.#writing = undefined;
      // Asked for between the last look and here.
      if (this.#again && !this.#source.isGone() && !this.#deps.signal.aborted) this.sync();
    });
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(): Promise<void> {
    const { client, clock, signal } = this.#deps;
    const { name, namespace, uid } = this.#source.pod;
    while (this.#again && !this.#source.isGone()) {
      this.#again = false;
      const status = this.#source.status();
      if (isDeepStrictEqual(status, this.#written)) continue;
      try {
        // The UID refuses a write to another pod of this name.
        const body = { metadata: { uid }, status };
        const answer = await client.patchMerge(pods, { name, namespace }, body, { subresource: "status", signal });
        this.#written = status;
        this.#source.onWritten(answer);
      } catch (error) {
        // A conflict is retried too. If this is another pod with the same name, the kubelet soon
        // sees that ours is gone, and that ends the retries.
        if (isNotFound(error) || signal.aborted) return;
        this.#again = true;
        await clock.sleep(WRITE_RETRY_MS, signal).catch(() => undefined);
        if (signal.aborted) return;
      }
    }
  }
}
