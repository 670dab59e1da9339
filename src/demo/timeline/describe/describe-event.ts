import type { Event } from "../../../kube/kinds.ts";
import { nameOf, type Describe } from "../line.ts";

/** Told by the pod's own condition, which does not repeat itself. */
const TOLD_ELSEWHERE = new Set(["FailedScheduling", "BackOff"]);

/**
 * Warnings, in the words of whoever wrote them. What goes well is told by the objects themselves.
 */
export const describeEvent: Describe<Event> = ({ type, object: event, old }) => {
  const { reason = "", message = "", involvedObject } = event;
  if (type === "deleted" || event.type !== "Warning" || TOLD_ELSEWHERE.has(reason)) return [];
  if (old?.message === message) return [];
  const about = `${involvedObject.kind ?? ""} ${nameOf({ metadata: involvedObject })}`;
  return [{ actor: actorOf(event), text: `${about}: ${reason}: ${message}`, tone: "bad" }];
};

/** The component without the identity of its process. */
function actorOf({ source, reportingComponent }: Event): string {
  const component = source?.component ?? reportingComponent ?? "";
  if (component.startsWith("rancher.io/local-path")) return "provisioner";
  const names: Readonly<Record<string, string>> = {
    "default-scheduler": "scheduler",
    "persistentvolume-controller": "binder",
  };
  return names[component] ?? component;
}
