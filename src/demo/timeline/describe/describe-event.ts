import type { Event } from "../../../kube/kinds.ts";
import { nameOf, type Describe } from "../line.ts";

/** Left out: the pod's conditions say the same, and say it once. */
const TOLD_ELSEWHERE = new Set(["FailedScheduling", "BackOff"]);

/**
 * Warning events, with their own message. Normal events are left out: the objects show the same.
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
