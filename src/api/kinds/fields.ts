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

/** The name of a volume. It is part of a node label's key, which allows 63 characters. */
export const volumeName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
  .max(63);

/** A UID, or another random name of that shape. */
export const uid = z.string().min(1).max(64);

/** RFC 3339, as Kubernetes writes times. */
export const time = z.iso.datetime({ offset: true });

/** A duration such as `60s`, `5m`, `1h30m`. */
export const duration = z
  .string()
  .regex(/^([0-9]+(ms|s|m|h))+$/)
  .max(32);

/** Conditions as every Kubernetes object has them. */
export const condition = z.strictObject({
  type: z.string().min(1).max(316),
  status: z.enum(["True", "False", "Unknown"]),
  reason: z.string().min(1).max(1024),
  message: z.string().max(32_768),
  lastTransitionTime: time,
  observedGeneration: z.int().min(0).optional(),
});

export type Condition = z.infer<typeof condition>;
