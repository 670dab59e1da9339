import { once } from "node:events";
import { assignmentSchema, type Assignment, type Done, type EndMessage } from "./end-messages.ts";

/** An end that is ready to copy. */
export interface PreparedEnd {
  /** Where the source listens; 0 of the target. */
  readonly port: number;
  /** Copies, and leaves no connection. */
  readonly copy: () => Promise<Done>;
}

/** Runs one end of a copy in this process, as the bench that has forked it says. */
export async function serveEnd(prepare: (assignment: Assignment) => Promise<PreparedEnd>): Promise<void> {
  const benchIsGone = (): void => process.exit(1);
  process.once("disconnect", benchIsGone);
  try {
    const { copy, port } = await prepare(assignmentSchema.parse(await message()));
    const go = message();
    say({ kind: "ready", port });
    await go;
    const before = process.cpuUsage();
    const done = await copy();
    const { system, user } = process.cpuUsage(before);
    say({ kind: "done", ...done, cpuSeconds: (user + system) / 1e6 });
  } catch (error) {
    say({ kind: "failed", why: error instanceof Error ? error.message : String(error) });
  }
  process.off("disconnect", benchIsGone);
  process.disconnect();
}

async function message(): Promise<unknown> {
  const [first] = (await once(process, "message")) as [unknown];
  return first;
}

function say(what: EndMessage): void {
  process.send?.(what);
}
