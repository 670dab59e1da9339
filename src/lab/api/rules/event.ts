import type { Event } from "kubernetes-types/core/v1.js";
import type { Draft } from "../../store/object.ts";
import type { KindRules } from "../kind-row.ts";

/** What the API server takes. */
const LONGEST_MESSAGE = 1024;

export const eventRules: KindRules = {
  validate: (draft, errors) => {
    const { involvedObject, message = "", metadata } = draft as Draft & Event;
    const about = involvedObject.namespace ?? "";
    const own = metadata.namespace ?? "";
    // Events about what has no namespace stand in `default` (or kube-system, for old clients).
    const fits = about === "" ? own === "default" || own === "kube-system" : about === own;
    if (!fits) errors.invalid("involvedObject.namespace", about, "does not match event.namespace");
    if (message.length > LONGEST_MESSAGE)
      errors.invalid("message", "", `can have at most ${String(LONGEST_MESSAGE)} characters`);
  },
};
