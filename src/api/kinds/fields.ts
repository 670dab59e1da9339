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

/** A UID, or another random name of that shape. */
export const uid = z.string().min(1).max(64);

/** RFC 3339, as Kubernetes writes times. */
export const time = z.iso.datetime({ offset: true });

/** A duration such as `60s`, `5m`, `1h30m`. */
export const duration = z
  .string()
  .regex(/^([0-9]+(ms|s|m|h))+$/)
  .max(32);

/** Tells the API server that a list holds one item for each value of `key`. */
export function keyedBy(key: string): Readonly<Record<string, unknown>> {
  return { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key] };
}

/** A condition, as every Kubernetes object has them. */
const condition = z.strictObject({
  type: z.string().min(1).max(316).describe("What the condition is about, in CamelCase."),
  status: z.enum(["True", "False", "Unknown"]).describe("Whether it holds."),
  reason: z.string().min(1).max(1024).describe("Why, in one word for programs."),
  message: z.string().max(32_768).describe("Why, in a sentence for people."),
  lastTransitionTime: time.describe("When status last changed."),
  observedGeneration: z.int().min(0).optional().describe("The metadata.generation that the condition is about."),
});

export const conditions = z
  .array(condition)
  .max(32)
  .meta(keyedBy("type"))
  .describe("What can be said of the object in Kubernetes' usual form.");

export type Condition = z.infer<typeof condition>;
