// events.k8s.io/v1 and core/v1 events are the same objects, with different field names.
import type { LabObject } from "../../store/object.ts";
import type { Converter, KindRow } from "../kinds/kind-row.ts";

/** Field of events.k8s.io/v1 → field of v1. */
const NAMES: Readonly<Record<string, string>> = {
  regarding: "involvedObject",
  note: "message",
  reportingController: "reportingComponent",
  deprecatedSource: "source",
  deprecatedFirstTimestamp: "firstTimestamp",
  deprecatedLastTimestamp: "lastTimestamp",
  deprecatedCount: "count",
};
const BACK: Readonly<Record<string, string>> = Object.fromEntries(Object.entries(NAMES).map(([a, b]) => [b, a]));

export function eventConversion(stored: KindRow): Converter {
  return {
    stored,
    toStored: (body) => ({ ...renamed(body, NAMES), apiVersion: "v1", kind: "Event" }),
    fromStored: (object) => {
      const served = { ...renamed(object, BACK), apiVersion: "events.k8s.io/v1" } as Record<string, unknown>;
      // Here they are left out when empty; the core group always has them.
      for (const field of ["reportingController", "reportingInstance"]) if (served[field] === "") delete served[field];
      return served as LabObject;
    },
  };
}

function renamed(
  object: Readonly<Record<string, unknown>>,
  names: Readonly<Record<string, string>>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([field, value]) => [names[field] ?? field, value]));
}
