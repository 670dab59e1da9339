/** What `kubectl explain` must print of our kinds: a path, and a sentence of its description. */
export const EXPLAINED: readonly (readonly [path: string, sentence: string])[] = [
  ["storagepool.spec", "Labels that a node must have to belong to the pool."],
  ["storagenode.status.pools", "UUID from the file pool.json on the disk."],
  ["localvolume.spec", "UID of the move that is cutting over."],
  ["volumecopy.status.move", "The agent's report on the move that is in progress, or on the last one."],
  ["volumemove", "To cancel a move that is not committed, delete it."],
  ["volumemove.status", "True once the copy on the target is the volume."],
];
