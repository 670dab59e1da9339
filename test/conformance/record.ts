// What a case has seen, as it is recorded and compared.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A request and its answer, a watch and its events, or what the webhook was asked meanwhile. */
export type Exchange =
  | {
      readonly request: string;
      readonly code: number;
      readonly body: unknown;
      readonly warnings?: readonly string[];
      readonly retryAfter?: string;
    }
  | { readonly request: string; readonly events: readonly unknown[] }
  | { readonly asked: readonly unknown[] };

/**
 * What a case had, and in which order: a version that a list or a bookmark gave has to be lower
 * than that of whatever was made afterwards.
 */
export interface Course {
  readonly exchanges: Exchange[];
  /** Exchanges, and events of watches, in the order in which they were received. */
  readonly received: object[];
  /** The versions of new objects, and how much had been received when each was asked for. */
  readonly made: { readonly version: string; readonly after: number }[];
}

/** The recorded exchanges of the cases of one topic, by the case's name. */
export type Recording = Readonly<Record<string, readonly Exchange[]>>;

/** The file of a topic's recording. */
export function recordingFile(topic: string): string {
  return fileURLToPath(new URL(`recorded/${topic}.json`, import.meta.url));
}

/**
 * Reads a recording. Throws for a topic that has none: `npx tsx test/conformance/record-main.ts`
 * makes it.
 */
export function readRecording(topic: string): Recording {
  return JSON.parse(readFileSync(recordingFile(topic), "utf8")) as Recording;
}

/** Whether a server said no in it: with a status, or inside a watch. */
export function hasRefusal(exchanges: readonly Exchange[]): boolean {
  return exchanges.some((exchange) => {
    if ("asked" in exchange) return false;
    if ("code" in exchange) return exchange.code >= 400;
    return exchange.events.some((event) => (event as { type?: string }).type === "ERROR");
  });
}
