import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Clock } from "../../effects/clock.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import type { WorkQueue } from "../../kube/queue/work-queue.ts";
import type { Findings } from "./findings.ts";
import { CutOvers, mayCutOver, type CutOverOf } from "./jobs/cut-overs.ts";
import type { Jobs } from "./jobs/jobs.ts";
import type { Incoming } from "./jobs/target-jobs.ts";
import {
  afterHoldingBack,
  afterPass,
  beginStay,
  BUSY_MS,
  passOf,
  planPrepared,
  type EndOfPass,
  type PreparedStep,
  type Stay,
} from "./jobs/kept-small.ts";
import type { Step } from "./read-view.ts";
import type { Precopy, VolumeView } from "./view.ts";

type KeepSmall = Extract<Step, { step: "keep-small" }>;

export interface PreparedPassesDeps {
  readonly clock: Clock;
  readonly nodeName: string;
  readonly findings: Findings;
  readonly jobs: Jobs;
  readonly moves: Informer<VolumeMove>;
  readonly queue: WorkQueue;
  /** Makes the directory for the copy, if the step is still the next one. Undefined: not now. */
  readonly incoming: (view: VolumeView, step: KeepSmall, signal: AbortSignal) => Promise<Incoming | undefined>;
}

/** The live passes of volumes whose moves to this node wait in Prepared (jobs/kept-small.ts). */
export class PreparedPasses {
  readonly #deps: PreparedPassesDeps;
  readonly #cutOvers: CutOvers;
  readonly #stays = new Map<string, { readonly stay: Stay; readonly nodes: readonly string[] }>();

  constructor(deps: PreparedPassesDeps) {
    this.#deps = deps;
    this.#cutOvers = new CutOvers(() => deps.moves.store.list(), deps.clock);
  }

  /** The volumes whose passes a change of this move may end. */
  *heldBackBy(move: CutOverOf): Generator<string> {
    for (const [volume, { nodes }] of this.#stays) if (mayCutOver(move, nodes)) yield volume;
  }

  /** Called when no move of the volume waits in Prepared. */
  forget(volume: string): void {
    this.#stays.delete(volume);
  }

  /** Begins or ends a pass, if one is due. Resolves with the milliseconds until the next look. */
  async look(view: VolumeView, step: KeepSmall, signal: AbortSignal): Promise<number> {
    const { incoming, jobs } = this.#deps;
    const { volume } = view;
    const pass = passOf(this.#stayOf(view));
    // A job of another phase has another key.
    await jobs.table.endOthers(volume, pass);
    const { lookMs, step: next } = this.#plan(view);
    if (next === "end") {
      await jobs.table.endOthers(volume, undefined);
      // Unless the pass has ended by itself meanwhile.
      const stay = this.#stayOf(view);
      if (passOf(stay) === pass) this.#keep(view, afterHoldingBack(stay, this.#deps.clock.monotonic()));
    }
    if (next !== "begin") return lookMs;
    const directory = await incoming(view, step, signal);
    if (directory === undefined || this.#plan(view).step !== "begin") return BUSY_MS;
    jobs.target.keepSmall(view, pass, directory, step, (result, end) => {
      this.#ended(view, pass, result, end);
    });
    return lookMs;
  }

  #plan(view: VolumeView): PreparedStep {
    const { clock, jobs } = this.#deps;
    const stay = this.#stayOf(view);
    const state = {
      stay,
      isUnderWay: jobs.table.isUnderWay(view.volume, passOf(stay)),
      isBusy: jobs.table.isBusy,
      isHeldBack: this.#cutOvers.isAt(this.#nodesOf(view)),
    };
    return planPrepared(state, clock.monotonic());
  }

  #ended(view: VolumeView, pass: string, result: Precopy, end: EndOfPass): void {
    const { clock, findings, queue } = this.#deps;
    const stay = this.#stays.get(view.volume)?.stay;
    // The end of a pass counts once, also when the pass is begun again, and only for its own stay.
    if (stay !== undefined && passOf(stay) === pass) this.#keep(view, afterPass(stay, end, clock.monotonic()));
    if (!("failed" in end)) findings.precopied(view, { copyingAt: view.move?.status?.copyingAt, result });
    queue.add(view.volume);
  }

  /** The move's stay in Prepared: another sealing, or another time in Copying, begins a new one. */
  #stayOf(view: VolumeView): Stay {
    const of = `${this.#deps.findings.keyOf(view)}/prepared/${view.move?.status?.copyingAt ?? ""}`;
    const known = this.#stays.get(view.volume)?.stay;
    return known?.of === of ? known : this.#keep(view, beginStay(of, this.#deps.clock.monotonic()));
  }

  #keep(view: VolumeView, stay: Stay): Stay {
    this.#stays.set(view.volume, { stay, nodes: this.#nodesOf(view) });
    return stay;
  }

  #nodesOf({ move }: VolumeView): readonly string[] {
    return [this.#deps.nodeName, ...(move === undefined ? [] : [move.spec.from])];
  }
}
