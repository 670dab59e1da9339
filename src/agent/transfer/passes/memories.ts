import type { Clock } from "../../../effects/clock.ts";
import { SourceMemory, type SavedSource } from "./source-memory.ts";
import { TargetMemory, type SavedTarget } from "./target-memory.ts";

/** What one side remembers of the passes of one copy. */
export interface Memory {
  readonly source: SourceMemory;
  readonly target: TargetMemory;
}

/** The copy that is asked for, and the move that asks for it. */
interface CopyOfMove {
  readonly moveUID: string;
  readonly epoch: number;
  readonly incarnation: string;
}

interface Kept extends Memory {
  readonly copy: string;
  readonly moveUID: string;
  /** Whether a sealed tree was read or copied with it. Then it is for its own move only. */
  readonly sealed: boolean;
  /** Since when no move holds the volume (milliseconds, monotonic). Undefined: a move holds it. */
  unheldSince: number | undefined;
}

/** What one side remembers of a volume's copy, as it is handed to the next process. */
export interface SavedMemory {
  readonly volume: string;
  readonly copy: string;
  readonly moveUID: string;
  readonly source: SavedSource;
  readonly target: SavedTarget;
}

/**
 * The memories of all volumes, each for one copy: epoch and incarnation. They are lost when the
 * process crashes; then everything is read again. A process that gets SIGTERM hands those that are
 * not sealed over to the next one (handover.ts).
 *
 *   held by a move ── no move holds the volume ──▶ kept ── `keptMs` later ──▶ forgotten
 *        ▲                                          └── the next move ──▶ held by that one
 *
 * An autoscaler gives up after two minutes and comes back, and its next move continues the copy. A
 * record does not depend on the move: it says what this side has read. But after the seal a copy
 * may fail because records are wrong, so those with which a sealed tree was read or copied are
 * forgotten with their move.
 */
export class Memories {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #keptMs: number;
  readonly #byVolume = new Map<string, Kept>();

  constructor(clock: Pick<Clock, "monotonic">, keptMs: number) {
    this.#clock = clock;
    this.#keptMs = keptMs;
  }

  /** The memory to use for a move's copy of a volume. `sealed`: a sealed tree is read with it. */
  of(volume: string, { epoch, incarnation, moveUID }: CopyOfMove, { sealed }: { readonly sealed: boolean }): Memory {
    this.forgetOld();
    const copy = `${String(epoch)}/${incarnation}`;
    const known = this.#byVolume.get(volume);
    const isKnown = known?.copy === copy && (known.moveUID === moveUID || !known.sealed);
    const { source, target } = isKnown ? known : { source: new SourceMemory(), target: new TargetMemory() };
    const wasSealed = isKnown && known.sealed;
    this.#byVolume.set(volume, {
      source,
      target,
      copy,
      moveUID,
      sealed: sealed || wasSealed,
      unheldSince: undefined,
    });
    return { source, target };
  }

  /** What can be handed to the next process. Called when no pass is in progress any more. */
  *save(): Generator<SavedMemory> {
    this.forgetOld();
    for (const [volume, { copy, moveUID, sealed, source, target }] of this.#byVolume) {
      if (!sealed) yield { volume, copy, moveUID, source: source.save(), target: target.save() };
    }
  }

  /** Loads what the previous process has saved. Called before any pass begins. */
  load(saved: readonly SavedMemory[]): void {
    // If a move holds the volume, `held` is called as soon as that move is looked at.
    const unheldSince = this.#clock.monotonic();
    for (const { volume, copy, moveUID, source, target } of saved) {
      const memory = { source: SourceMemory.load(source), target: TargetMemory.load(target) };
      this.#byVolume.set(volume, { ...memory, copy, moveUID, sealed: false, unheldSince });
    }
  }

  /** Called when a move holds the volume. Its memory is kept, even without a pass for hours. */
  held(volume: string): void {
    const memory = this.#byVolume.get(volume);
    if (memory !== undefined) memory.unheldSince = undefined;
  }

  /** Called when no move holds the volume. The next one may continue its live passes. */
  unheld(volume: string): void {
    const memory = this.#byVolume.get(volume);
    if (memory?.sealed === true) this.#byVolume.delete(volume);
    else if (memory !== undefined) memory.unheldSince ??= this.#clock.monotonic();
  }

  /** Forgets the memories of volumes that no move has held for `keptMs`. */
  forgetOld(): void {
    const before = this.#clock.monotonic() - this.#keptMs;
    for (const [volume, { unheldSince }] of this.#byVolume) {
      if (unheldSince !== undefined && unheldSince <= before) this.#byVolume.delete(volume);
    }
  }
}
