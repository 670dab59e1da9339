/**
 * The part of an earlier pass that the target does not have, or not any more. The target asks the
 * source to continue that pass.
 */
export interface Lacking {
  /** The files that must be sent whole, by `keyOf`. */
  readonly files: ReadonlySet<string>;
  /**
   * True: there was no room for the chunks of some files, so every changed file must be sent whole.
   */
  readonly chunks: boolean;
  /**
   * Only of a pass that broke: the number of its files that have arrived whole, in the order of the
   * tree. Undefined: the pass is whole.
   */
  readonly arrived?: number | undefined;
}

/** The most files that fit into one frame. A target that lacks more forgets the whole pass. */
export const MOST_LACKING = 32 * 1024;

export const LACKING_NOTHING: Lacking = { files: new Set(), chunks: false };
