import { startCluster } from "../../cluster/cluster.ts";
import { ClusterGround } from "../../cluster/cluster-ground.ts";
import { existingGround } from "../../cluster/existing-ground.ts";
import { missingCapabilities, type Capability, type Ground } from "../../cluster/ground.ts";
import { afterAll, beforeAll, beforeEach, type TestContext } from "vitest";
import { openLabGround } from "../../lab/lab-ground.ts";
import { openVirtualGround } from "../../lab/virtual-ground.ts";
import { nodesReady } from "./nodes.ts";

/*
 * In the cluster suite: one ground for all stories of a run, the cluster that `npm run
 * test:cluster` was pointed at, or one of three nodes that the first story starts. Stories run in
 * one worker without isolation, so this module is the same for all files; the last one to leave
 * does not close it, the end of the process does (the cluster's watchdog takes it down, and
 * run-stories.ts waits for that).
 *
 * In `npm test`: a lab for each file, over HTTP or, for stories that wait long, on virtual time.
 */
const ON_LAB = process.env["MOORING_GROUND"] === "lab";
/** The next file has another ground: nobody has to clean up behind the stories of this one. */
export const ENDS_WITH_FILE = ON_LAB;
let shared: Promise<Ground> | undefined;

async function openGround(waitsLong: boolean): Promise<Ground> {
  if (ON_LAB) return waitsLong ? openVirtualGround() : await openLabGround();
  const existing = process.env["MOORING_GROUND"];
  if (existing !== undefined) {
    const { existing: kubeconfig, context, image } = JSON.parse(existing) as Record<string, string>;
    return existingGround({
      kubeconfig: kubeconfig ?? "",
      context: context ?? "",
      ...(image === undefined ? {} : { productImage: image }),
    });
  }
  return startCluster({ nodes: 3, log: (line) => process.stderr.write(`${line}\n`) }).then(
    (cluster) => new ClusterGround(cluster, "dist"),
  );
}

export interface StoryGround {
  readonly ground: Ground;
  /** Skips a story, with the reason, where the ground lacks what only this one needs. */
  needs(context: TestContext, ...capabilities: readonly Capability[]): void;
}

/**
 * The ground for the stories of one file: `const on = useGround("node-files")` and, in a test,
 * `on.ground`. Where the ground lacks one of the named capabilities, every test of the file is
 * skipped, with the reason.
 */
export function useGround(...needed: readonly Capability[]): StoryGround {
  return storyGround(needed, false);
}

/**
 * The same, for stories that wait for the product's own long timers: where the ground is a lab,
 * its time is virtual.
 */
export function useGroundForLongWaits(...needed: readonly Capability[]): StoryGround {
  return storyGround(needed, true);
}

function storyGround(needed: readonly Capability[], waitsLong: boolean): StoryGround {
  let ground: Ground | undefined;
  beforeAll(async () => {
    shared ??= openGround(waitsLong);
    ground = await shared;
    // The stories before may have ended as soon as a node was switched on again.
    if (!ON_LAB && ground.capabilities.has("node-kill")) await nodesReady(ground);
  });
  beforeEach(({ skip, onTestFailed }) => {
    const missing = ground === undefined ? "there is no ground" : missingCapabilities(ground, needed);
    if (missing !== undefined) skip(missing);
    // Of a run that nobody watched this is all there is to find out why.
    onTestFailed(async ({ task }) => {
      const condition = await ground?.condition?.();
      if (condition !== undefined) process.stderr.write(`as "${task.name}" failed: ${condition}\n`);
    });
  });
  afterAll(async () => {
    ground = undefined;
    if (ON_LAB) await closeSharedGround();
  });
  return {
    needs: ({ skip }, ...capabilities) => {
      const missing = ground === undefined ? undefined : missingCapabilities(ground, capabilities);
      if (missing !== undefined) skip(missing);
    },
    get ground() {
      if (ground === undefined) throw new Error("the ground is there only while tests run");
      return ground;
    },
  };
}

/**
 * Closes the shared ground: for stories that need the machine for a cluster of their own. The next
 * story starts a new one.
 */
export async function closeSharedGround(): Promise<void> {
  const open = shared;
  shared = undefined;
  if (open !== undefined) await (await open).close();
}

/**
 * For test files that start clusters of their own: they get the machine to themselves, and are
 * skipped where somebody's cluster was named to run stories on.
 */
export function useOwnCluster(): void {
  beforeAll(closeSharedGround);
  beforeEach(({ skip }) => {
    if (process.env["MOORING_GROUND"] !== undefined)
      skip("it starts a cluster of its own, and an existing one was named");
  });
}
