import type { VolumeMove } from "../../../api/kinds/volume-move.ts";
import { before, short, type Describe, type Line } from "../line.ts";

/** What each phase means for a reader. */
const WORDS: Readonly<Record<string, string>> = {
  Copying: "the data is copied while the pods run",
  Prepared: "is ready to cut over",
  Fenced: "nothing new is published, the pods are evicted",
  Sealed: "no process can write on the old node any more, the last changes are copied",
  Committed: "the copy on the new node is the volume now",
  Undoing: "is being undone",
  Cancelled: "was cancelled",
};

/** The phases of a move. */
export const describeMove: Describe<VolumeMove> = (change) => {
  const { type, object: move } = change;
  if (type === "deleted") return [];
  const { spec, status } = move;
  const was = before(change)?.status?.phase;
  const phase = status?.phase;
  const volumes = spec.volumes.map(({ name }) => short(name)).join(", ");
  const tell = (text: string, tone: Line["tone"] = "plain"): Line[] => [{ actor: "mooring", text, tone }];
  if (before(change) === undefined) return tell(`begins to move ${volumes} away from ${spec.from}`);
  if (phase === undefined || phase === was) return [];
  if (phase === "Done") return tell(`${volumes} has moved from ${spec.from} to ${status?.target ?? ""}`, "good");
  const words = WORDS[phase];
  return words === undefined ? [] : tell(`${volumes}: ${phase}: ${words}`, phase === "Undoing" ? "bad" : "plain");
};
