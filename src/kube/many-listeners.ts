import { setMaxListeners } from "node:events";

/**
 * Marks a signal that many wait on at once (all workers of a controller, all of a leader's work):
 * Node's warning of more than ten listeners means nothing there.
 */
export function manyListeners(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}
