import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import { aboutObject } from "../../kube/events/event-object.ts";
import type { EventRecorder } from "../../kube/events/event-recorder.ts";
import { messageOf } from "../../observe/errors.ts";
import { agentErrors } from "../errors.ts";
import type { Copy } from "./copy-store.ts";
import type { OnDisk } from "./on-disk.ts";
import type { Trees } from "./trees.ts";

export interface PurgerDeps {
  readonly nodeName: string;
  readonly onDisk: OnDisk;
  readonly trees: Pick<Trees, "remove">;
  readonly recorder: Pick<EventRecorder, "record">;
}

/**
 * Removes the bytes of copies for good. What cannot be removed stays until a person does something,
 * and takes room meanwhile, so the reason is told where an operator looks.
 */
export class Purger {
  readonly #deps: PurgerDeps;

  constructor(deps: PurgerDeps) {
    this.#deps = deps;
  }

  /**
   * The copy must be in the Trash. Throws AGENT_NOT_REMOVED, and records it as an event of the
   * LocalVolume, if there is one. The next call goes on with what is left.
   */
  async purge(copy: Copy, localVolume: LocalVolume | undefined, signal: AbortSignal): Promise<void> {
    const { nodeName: node, onDisk, recorder, trees } = this.#deps;
    const { directory, path, volume } = copy;
    try {
      await onDisk.storeOf(copy).purge(volume, directory, trees, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const failure = agentErrors.NOT_REMOVED({ volume, node, path, why: messageOf(error) }, { cause: error });
      if (localVolume !== undefined) {
        recorder.record(aboutObject(localVolumes, localVolume), {
          type: "Warning",
          reason: "DataNotRemoved",
          message: `${failure.message} (${failure.code}). ${failure.advice}`,
          dedupe: `not removed ${node} ${directory}`,
        });
      }
      throw failure;
    }
  }
}
