/*
 * How the bench talks to the two ends of a copy, each of which is a process of its own:
 *
 *   bench                end
 *   assignment    ──▶    prepares; the source listens
 *                 ◀──    ready
 *   go            ──▶    copies
 *                 ◀──    done
 *
 * An end that fails says so and ends; one whose bench has gone ends too.
 */
import * as z from "zod";

/** What an end is to do. */
export const assignmentSchema = z.strictObject({
  kind: z.literal("assignment"),
  directory: z.string(),
  /** The certificate to show, and the fingerprint of the other end's. */
  certificate: z.strictObject({ cert: z.string(), key: z.string(), fingerprint: z.string(), madeAt: z.number() }),
  peer: z.string(),
  /** Of the source on the loopback address. The source itself gets 0 and chooses one. */
  port: z.int(),
});

const doneSchema = z.strictObject({
  /** Of what was copied: equal on both ends. */
  digest: z.string(),
  afterArrivalSeconds: z.number().optional(),
});

export const endMessageSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("ready"), port: z.int() }),
  doneSchema.extend({ kind: z.literal("done"), cpuSeconds: z.number() }),
  z.strictObject({ kind: z.literal("failed"), why: z.string() }),
]);

export type Assignment = z.infer<typeof assignmentSchema>;
export type EndMessage = z.infer<typeof endMessageSchema>;
/** What an end has done. */
export type Done = z.infer<typeof doneSchema>;

/** Of both ends. */
export const LOOPBACK = "127.0.0.1";
