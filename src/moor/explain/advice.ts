/* What helps against an error of ours that somebody else has written down, as a kubelet does. */
import { agentErrors } from "../../agent/errors.ts";
import { holdersErrors } from "../../agent/holders/errors.ts";
import { mountErrors } from "../../agent/mounts/errors.ts";
import { peerErrors } from "../../agent/peers/errors.ts";
import { transferErrors } from "../../agent/transfer/errors.ts";
import { movableErrors } from "../../movable/errors.ts";
import { moveErrors } from "../../move/errors.ts";
import { provisionErrors } from "../../provision/errors.ts";

const ADVICE: ReadonlyMap<string, string> = new Map(
  [
    agentErrors,
    holdersErrors,
    mountErrors,
    peerErrors,
    transferErrors,
    movableErrors,
    moveErrors,
    provisionErrors,
  ].flatMap(({ table }) => [...table].map(([code, { advice }]): [string, string] => [code, advice])),
);

/**
 * The advice of the last code of docs/errors.md that a message names: it stands in brackets at the
 * end, and an error that caused it comes before. Undefined when there is none.
 */
export function adviceIn(message: string | undefined): string | undefined {
  const codes = message?.match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? [];
  const known = codes.findLast((code) => ADVICE.has(code));
  return known === undefined ? undefined : `${ADVICE.get(known) ?? ""} (${known})`;
}
