import { setMaxListeners } from "node:events";

/**
 * Turns off Node's warning about more than ten listeners for a signal that has many: all workers of
 * a controller, all of a leader's work.
 */
export function manyListeners(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}
