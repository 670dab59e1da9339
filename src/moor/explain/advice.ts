/* The advice for one of our errors in another program's message, such as a kubelet's event. */
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
 * The advice for the last code of docs/errors.md in a message. The last one is the error itself: it
 * is in brackets at the end, and its cause comes before. Undefined: there is no code.
 */
export function adviceIn(message: string | undefined): string | undefined {
  const codes = message?.match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? [];
  const known = codes.findLast((code) => ADVICE.has(code));
  return known === undefined ? undefined : `${ADVICE.get(known) ?? ""} (${known})`;
}
