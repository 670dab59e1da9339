// Events. What comes through events.k8s.io must be complete and stays as it is; the core group
// takes nearly anything, for old clients.
import type { Event } from "kubernetes-types/core/v1.js";
import { sameJson, type Draft } from "../../store/object.ts";
import type { FieldErrors } from "../errors/field-errors.ts";
import type { KindRules } from "../kinds/kind-row.ts";
import { qualifiedNameFaults } from "../kinds/names.ts";

/** What the API server takes. */
const LONGEST = { reportingInstance: 128, action: 128, reason: 128, message: 1024 } as const;

export const eventRules: KindRules = {
  validate: (draft, errors) => {
    validateEvent(draft, "reportingComponent", errors);
  },
};

export const modernEventRules: KindRules = {
  validate: (draft, errors) => {
    const event = draft as Draft & Event;
    validateEvent(draft, "reportingController", errors);
    if ((event.eventTime ?? null) === null) errors.required("eventTime");
    const { type = "" } = event;
    if (type !== "Normal" && type !== "Warning") errors.invalid("type", "", `has invalid value: ${type}`);
    for (const field of ["firstTimestamp", "lastTimestamp", "count"] as const) {
      if ((event[field] ?? null) !== null) errors.invalid(field, "", "needs to be unset");
    }
    if ((event.source?.component ?? "") !== "") errors.invalid("source", "", "needs to be unset");
  },
  validateUpdate: (draft, before, errors) => {
    for (const field of FROZEN) {
      if (sameJson(draft[field] ?? null, before[field] ?? null)) continue;
      const name = field === "reportingComponent" ? "reportingController" : field;
      errors.invalid(name, draft[field] ?? null, "field is immutable");
    }
  },
};

const FROZEN = [
  "involvedObject",
  "reason",
  "message",
  "source",
  "firstTimestamp",
  "lastTimestamp",
  "count",
  "type",
  "eventTime",
  "action",
  "related",
  "reportingComponent",
  "reportingInstance",
] as const;

function validateEvent(draft: Draft, controllerField: string, errors: FieldErrors): void {
  const event = draft as Draft & Event;
  const about = event.involvedObject.namespace ?? "";
  const own = event.metadata.namespace ?? "";
  const modern = (event.eventTime ?? null) !== null;
  // Events about what has no namespace stand in `default`, new ones in kube-system as well.
  const fits = about === "" ? own === "default" || (modern && own === "kube-system") : modern || about === own;
  if (!fits) errors.invalid("involvedObject.namespace", about, "does not match event.namespace");
  if (!modern) return;
  const controller = event.reportingComponent ?? "";
  if (controller === "") errors.required(controllerField);
  for (const fault of qualifiedNameFaults(controller)) errors.invalid(controllerField, controller, fault);
  for (const field of ["reportingInstance", "action", "reason"] as const) {
    if ((event[field] ?? "") === "") errors.required(field);
    validateLength(event[field] ?? "", field, errors);
  }
  validateLength(event.message ?? "", "message", errors);
}

function validateLength(text: string, field: keyof typeof LONGEST, errors: FieldErrors): void {
  if (text.length > LONGEST[field]) errors.invalid(field, "", `can have at most ${String(LONGEST[field])} characters`);
}
