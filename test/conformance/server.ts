import type { Hook } from "./hook.ts";
import type { Wire } from "./wire.ts";

/**
 * An API server that cases are run on, with controllers, a scheduler, and nodes without machines.
 */
export interface Server {
  readonly wire: Wire;
  /** A webhook that it can call. */
  readonly hook: Hook;
  /** Lets it forget its history up to a version. */
  forget(version: string): Promise<void>;
  close(): Promise<void>;
}

/** Nodes that are only objects: `bare-1`, `bare-2`. */
export const BARE_NODES = 2;
