/** Defects to put into the protocol on purpose. The runs must find each, or they prove nothing. */
export const SABOTAGES = [
  "the agent seals without proof that nobody can write",
  "the agent reports the seal before it is on disk",
  "the agent unseals what it finds sealed without asking",
  "the target copies again what it has reported as copied",
  "a live pass goes on after the final pass",
  "reports of an old sealing count",
  "reports of another move count",
  "the digest is not compared",
  "the commit does not wait for the seal",
  "the commit does not wait for the copy",
  "the commit ignores the version it was decided on",
  "a new place ignores the version it was decided on",
  "a new place does not look at the fence",
  "a new place keeps the right to make the volume",
  "a volume that was never published loses the right to be made",
  "the move is read before the volumes",
  "pods are evicted before the fence",
  "a repair takes a committed move for gone",
  "an undo after the commit",
  "nothing repairs what a lost move holds",
  "the epoch is not raised",
] as const;

export type Sabotage = (typeof SABOTAGES)[number];
