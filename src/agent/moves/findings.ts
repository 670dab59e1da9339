import type { Found, VolumeView } from "./view.ts";

/** The findings of this process about volumes that are being moved, for each move and sealing. */
export class Findings {
  readonly #byVolume = new Map<string, { readonly move: string; readonly key: string; readonly found: Found }>();

  /** Identifies a move and its sealing. Findings for another one do not count. */
  keyOf({ move }: VolumeView): string {
    return `${move?.metadata.uid ?? ""}/${String(move?.status?.sealing ?? 0)}`;
  }

  of(view: VolumeView): Found {
    const known = this.#byVolume.get(view.volume);
    if (known === undefined) return {};
    if (known.key === this.keyOf(view)) return known.found;
    // Whether a tree can be copied does not change with the sealing.
    const { unmovable } = known.found;
    return known.move === view.move?.metadata.uid ? { unmovable } : {};
  }

  proof(view: VolumeView, proven: boolean): void {
    this.#set(view, { proven });
  }

  forgetProof(view: VolumeView): void {
    this.#set(view, { proven: undefined });
  }

  /** What was found below an earlier seal does not count for the one that begins now. */
  forgetSeal(view: VolumeView): void {
    this.#set(view, { proven: undefined, summary: undefined });
  }

  closed(view: VolumeView, closedAt: number): void {
    this.#set(view, { closedAt });
  }

  summary(view: VolumeView, summary: NonNullable<Found["summary"]>): void {
    this.#set(view, { summary });
  }

  unmovable(view: VolumeView, unmovable: string): void {
    this.#set(view, { unmovable });
  }

  copying(view: VolumeView, copying: Found["copying"]): void {
    this.#set(view, { copying });
  }

  precopied(view: VolumeView, precopied: Found["precopied"]): void {
    this.#set(view, { precopied });
  }

  copied(view: VolumeView, copied: Found["copied"]): void {
    this.#set(view, { copied });
  }

  #set(view: VolumeView, change: Found): void {
    const found = { ...this.of(view), ...change };
    this.#byVolume.set(view.volume, { move: view.move?.metadata.uid ?? "", key: this.keyOf(view), found });
  }
}
