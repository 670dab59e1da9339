import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "./binaries.ts";
import type { Exit, ManagedProcess } from "./process.ts";

/** What the kubelet waits at first before it starts a container again is about that. */
const PAUSE_MS = 1000;

/**
 * Starts components again that end although nobody asked them to, as the kubelet does with the
 * static pods of a control plane, and says so with the end of their logs. Without this a scheduler
 * that died once would leave every later test waiting for pods that nobody schedules. Gives a
 * function that ends it.
 */
export function keepRunning(components: readonly ManagedProcess[], log: Log): () => void {
  let over = false;
  const startAgain = async (component: ManagedProcess, exit: Exit): Promise<void> => {
    log(
      `${component.name} ended by itself (${exit.signal ?? `code ${String(exit.code)}`}): ${await component.logTail(40)}`,
    );
    await pause(PAUSE_MS);
    if (over || component.running) return;
    await component.start();
    log(`${component.name} was started again`);
  };
  for (const component of components) {
    component.onUnaskedEnd((exit) => {
      if (over) return;
      startAgain(component, exit).catch((error: unknown) => {
        log(`${component.name} could not be started again: ${String(error)}`);
      });
    });
  }
  return () => {
    over = true;
    for (const component of components) component.onUnaskedEnd(undefined);
  };
}
