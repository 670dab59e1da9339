// What a case has seen, as it is recorded and compared.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A request and its answer, or a watch and its events. */
export type Exchange =
  | {
      readonly request: string;
      readonly code: number;
      readonly body: unknown;
      readonly warnings?: readonly string[];
      readonly retryAfter?: string;
    }
  | { readonly request: string; readonly events: readonly unknown[] };

/** The recorded exchanges of the cases of one topic, by the case's name. */
export type Recording = Readonly<Record<string, readonly Exchange[]>>;

/** The file of a topic's recording. */
export function recordingFile(topic: string): string {
  return fileURLToPath(new URL(`recorded/${topic}.json`, import.meta.url));
}

/** Reads a recording. Throws for a topic that has none: `npx tsx test/conformance/record-main.ts` makes it. */
export function readRecording(topic: string): Recording {
  return JSON.parse(readFileSync(recordingFile(topic), "utf8")) as Recording;
}

/** Whether a server said no in it: with a status, or inside a watch. */
export function hasRefusal(exchanges: readonly Exchange[]): boolean {
  return exchanges.some((exchange) =>
    "events" in exchange
      ? exchange.events.some((event) => (event as { type?: string }).type === "ERROR")
      : exchange.code >= 400,
  );
}
