import type { KubeObject, Stored } from "../../kube/objects.ts";
import type { Event } from "../../kube/kinds.ts";

/** The message of the latest warning event about an object. */
export function lastWarning(events: readonly Stored<Event>[], about: KubeObject): string | undefined {
  const uid = about.metadata?.uid;
  const [latest] = events
    .filter(({ involvedObject, type }) => type === "Warning" && involvedObject.uid === uid)
    .toSorted((a, b) => timeOf(b) - timeOf(a));
  return latest?.message;
}

function timeOf({ eventTime, lastTimestamp, metadata, series }: Stored<Event>): number {
  const times = [series?.lastObservedTime, lastTimestamp, eventTime, metadata.creationTimestamp];
  return Math.max(0, ...times.map((time) => Date.parse(time ?? "")).filter((time) => !Number.isNaN(time)));
}
