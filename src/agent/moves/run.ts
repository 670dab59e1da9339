import type { Duplex } from "node:stream";
import { volumeMoves, type VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Random } from "../../effects/random.ts";
import { Informer } from "../../kube/watch/informer.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import type { Handover } from "../transfer/passes/handover.ts";
import { bandwidthOf, limitOf } from "./jobs/bandwidth.ts";
import { Jobs, type JobsDeps } from "./jobs/jobs.ts";
import { admitTransfer } from "./serve.ts";
import type { TransferRequest } from "./transfer-request.ts";
import { MoveWorker, type MoveWorkerDeps } from "./worker.ts";

/** How agents reach each other. */
export interface Transport {
  /**
   * Serves requests of other agents until the signal is aborted. `peer` is the requesting node, by
   * its certificate. `answer` resolves with a function that sends the volume, or rejects with the
   * reason why it is not sent.
   */
  serve(
    answer: (peer: string, request: TransferRequest, signal: AbortSignal) => Promise<(stream: Duplex) => Promise<void>>,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * A connection to the agent of a node on which it sends the tree. Rejects with its words when it
   * refuses.
   */
  request(node: string, request: TransferRequest, signal: AbortSignal): Promise<Duplex>;
}

export interface MovesDeps extends Omit<MoveWorkerDeps, "jobs" | "moves" | "queue"> {
  readonly random: Random;
  readonly transport: Transport;
  readonly engine: JobsDeps["engine"];
  readonly openDirectory: JobsDeps["openDirectory"];
  readonly bandwidth?: JobsDeps["bandwidth"];
  /**
   * How the records of live passes get from the previous agent process and to the next one.
   * Undefined: they do not.
   */
  readonly handover: Pick<Handover, "leave" | "take"> | undefined;
}

/** This node's part of all moves. */
export class Moves {
  readonly #deps: MovesDeps;
  readonly #queue: WorkQueue;
  readonly #informer: Informer<VolumeMove>;

  constructor(deps: MovesDeps) {
    this.#deps = deps;
    this.#queue = new WorkQueue(deps, { name: "moves" });
    this.#informer = new Informer<VolumeMove>(deps, { resource: volumeMoves });
  }

  /** Checks a volume again, because it was mounted or unmounted, or an object has changed. */
  look(volume: string): void {
    this.#queue.add(volume);
  }

  /** Checks again the volumes that moves from or to this node hold. */
  lookAtHeld(): void {
    const { nodeName } = this.#deps;
    for (const { spec, status } of this.#informer.store.list()) {
      const { phase, target } = status ?? {};
      if (phase === undefined || phase === "Planned" || phase === "Done" || phase === "Cancelled") continue;
      if (spec.from === nodeName || target === nodeName) for (const { name } of spec.volumes) this.look(name);
    }
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { handover, transport } = this.#deps;
    const request: JobsDeps["request"] = (node, asked, stop) => transport.request(node, asked, stop);
    const ofMove: JobsDeps["bandwidthOf"] = (move) => bandwidthOf(this.#informer.store.get(move));
    const bandwidth = limitOf(this.#deps.bandwidth);
    const jobs = new Jobs({ ...this.#deps, request, bandwidthOf: ofMove, bandwidth });
    jobs.memories.load((await handover?.take()) ?? []);
    const worker = new MoveWorker({ ...this.#deps, jobs, moves: this.#informer, queue: this.#queue });
    await Promise.all([
      this.#informer.run(signal),
      this.#informer.synced(signal).then(() => worker.run(signal)),
      transport.serve((peer, asked, stop) => this.#answer(jobs, peer, asked, stop), signal),
    ]);
    // Now no pass is in progress. (Unless one of them has failed: then that is not certain.)
    await handover?.leave(jobs.memories.save());
  }

  async #answer(
    jobs: Jobs,
    peer: string,
    asked: TransferRequest,
    signal: AbortSignal,
  ): Promise<(stream: Duplex) => Promise<void>> {
    const { volume } = asked;
    const path = await admitTransfer(this.#deps, peer, asked, signal);
    const { move, pass, sealing } = asked;
    this.#deps.log.info("sending a volume", { volume, to: peer, move, sealing, live: pass !== undefined });
    return (stream) => jobs.source.send(asked, path, stream);
  }
}
