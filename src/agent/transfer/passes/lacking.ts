/** What the target has not any more, of the pass that it asks the source to continue. */
export interface Lacking {
  /** Files by keyOf: they must be sent whole. */
  readonly files: ReadonlySet<string>;
  /** There was no room for the chunks of some files: every file that has changed is sent whole. */
  readonly chunks: boolean;
}

/** So many fit into one frame. Who lacks more forgets the pass. */
export const MOST_LACKING = 32 * 1024;

export const LACKING_NOTHING: Lacking = { files: new Set(), chunks: false };
