// Claims and volumes in the state that cases begin with, and how cases see that state.
import type { Conversation, Json } from "./conversation.ts";
import { volume, volumeClaim } from "./objects.ts";

type Seen = Json | undefined;

export const phase = (object: Seen): string => (object?.["status"] as { phase?: string } | undefined)?.phase ?? "";

export const is =
  (wanted: string) =>
  (object: Seen): boolean =>
    phase(object) === wanted;

/** The binder has heard of it. */
export const taken = (object: Seen): boolean => is("Available")(object) || is("Bound")(object);

export const gone = (object: Seen): boolean => object === undefined;

/** What the binder writes on a claim that it has bound. */
export const BOUND = { "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes" };

/** A volume for one claim of the case, and the claim, both bound. */
export async function boundPair(c: Conversation, spec: object = {}): Promise<string> {
  const name = `pv-${c.run}`;
  await c.given.create("persistentvolumes", volume(name, { storageClassName: `class-${c.run}`, ...spec }));
  // Otherwise the binder, which may hear of the claim first, finds nothing and looks again after 15
  // s.
  await c.until("persistentvolumes", name, is("Available"));
  await c.given.create("persistentvolumeclaims", volumeClaim("data", { storageClassName: `class-${c.run}` }));
  await c.until("persistentvolumeclaims", "data", is("Bound"));
  await c.until("persistentvolumes", name, is("Bound"));
  return name;
}

/** A class whose claims wait for a pod. */
export async function classThatWaits(c: Conversation): Promise<string> {
  const name = `class-${c.run}`;
  await c.given.create("storageclasses", {
    metadata: { name },
    provisioner: "example.com/p",
    volumeBindingMode: "WaitForFirstConsumer",
  });
  return name;
}

/**
 * The first event of an object with this reason, and of which `holds` holds, without how often it
 * was seen.
 */
export async function eventsAbout(
  c: Conversation,
  name: string,
  reason: string,
  shown: (event: Json) => unknown = whole,
  holds: (event: Json) => boolean = () => true,
): Promise<void> {
  const fieldSelector = `involvedObject.name=${name},reason=${reason}`;
  await c.untilListed("events", fieldSelector, holds);
  await c.list("events", {
    query: { fieldSelector },
    show: (list) => (list["items"] as Json[]).filter(holds).slice(0, 1).map(shown),
  });
}

const whole = ({ type, reason, message, involvedObject }: Json): unknown => ({ type, reason, message, involvedObject });
