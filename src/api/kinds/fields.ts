import { z } from "zod";

/** A Kubernetes quantity without a sign or an exponent: `10Gi`, `500M`, `1073741824`. */
export const quantity = z
  .string()
  .regex(/^[0-9]+(\.[0-9]+)?(k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/)
  .max(32);

/** The name of an object: a DNS subdomain. */
export const objectName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
  .max(253);

/**
 * The longest name of a volume. The name is part of a node label's key, which allows 63 characters.
 */
export const MAX_VOLUME_NAME = 63;

/** The name of a volume. */
export const volumeName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
  .max(MAX_VOLUME_NAME);

/** A UID, or another random identifier of that form. */
export const uid = z.string().min(1).max(64);

/** RFC 3339, as Kubernetes writes times. */
export const time = z.iso.datetime({ offset: true });

/** A duration such as `60s`, `5m`, `1h30m`. */
export const duration = z
  .string()
  .regex(/^([0-9]+(ms|s|m|h))+$/)
  .max(32);

/** Tells the API server that the items of a list are identified by their field `key`. */
export function keyedBy(key: string): Readonly<Record<string, unknown>> {
  return { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key] };
}

/** A condition, with the same fields as in the built-in kinds of Kubernetes. */
const condition = z.strictObject({
  type: z.string().min(1).max(316).describe("Type of the condition, in CamelCase."),
  status: z.enum(["True", "False", "Unknown"]).describe("Whether the condition is true."),
  reason: z.string().min(1).max(1024).describe("Reason for the status as one CamelCase word, for programs."),
  message: z.string().max(32_768).describe("Reason for the status as a sentence, for people."),
  lastTransitionTime: time.describe("Time of the last change of status."),
  observedGeneration: z
    .int()
    .min(0)
    .optional()
    .describe("The object's metadata.generation when the condition was set."),
});

export const conditions = z
  .array(condition)
  .max(32)
  .meta(keyedBy("type"))
  .describe("Conditions of the object, in the usual form of Kubernetes.");

export type Condition = z.infer<typeof condition>;
