import { setTimeout as pause } from "node:timers/promises";
import { CANARY_ANNOTATION } from "../../src/api/names.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { isAlreadyExists } from "../../src/kube/errors.ts";
import { persistentVolumes, type PersistentVolume } from "../../src/kube/kinds.ts";
import { canaryVolume } from "../../src/provision/express/canary.ts";
import { waitFor } from "../cluster/wait.ts";

/*
 * When the controller manager (KCM) has caught up: every PersistentVolume has the phase it should,
 * and KCM's volume worker answers at once, several times in a row. The bench has a canary of its
 * own to ask with, whatever the subject does.
 */

const CANARY = "bench-canary";
/** An idle worker answers within 30 ms. */
const QUICK_MS = 200;
const QUICK_ANSWERS = 3;
/**
 * KCM's client may send 20 requests a second and 30 at once: after this rest it may send 30 again.
 */
const REST_MS = 2_000;
/** Of hundreds of volumes that KCM owes a phase, at its 20 a second. */
const PATIENCE_MS = 300_000;

/** What the volumes must be for the next step to begin. */
export type Expected = "none" | "settled";

/**
 * Waits until no volume is left (`none`), or none waits for its phase (`settled`), and KCM has
 * nothing else to do; then rests.
 */
export async function caughtUp(client: KubeClient, expected: Expected): Promise<void> {
  await waitFor(
    `the controller manager to have caught up (volumes: ${expected})`,
    async (saw) => {
      const waiting = (await benchVolumes(client)).filter((volume) => expected === "none" || !settled(volume));
      saw(
        `${waiting.length} volumes, one of them ${waiting[0]?.metadata?.name ?? "none"}, ${waiting[0]?.status?.phase}`,
      );
      if (waiting.length > 0) return undefined;
      for (let answer = 0; answer < QUICK_ANSWERS; answer++) {
        const ms = await askKcm(client);
        saw(`an answer after ${ms} ms`);
        if (ms > QUICK_MS) return undefined;
      }
      return true;
    },
    { timeoutMs: PATIENCE_MS, everyMs: 500 },
  );
  await pause(REST_MS);
}

/** All volumes that are no canaries. */
export async function benchVolumes(client: KubeClient): Promise<PersistentVolume[]> {
  const all = await client.list(persistentVolumes);
  return all.filter((volume) => volume.metadata?.annotations?.[CANARY_ANNOTATION] === undefined);
}

function settled(volume: PersistentVolume): boolean {
  return volume.status?.phase === "Bound" || volume.status?.phase === "Available";
}

/** Milliseconds until KCM's volume worker has answered. */
async function askKcm(client: KubeClient): Promise<number> {
  try {
    await client.create(persistentVolumes, canaryVolume(CANARY, "bench"));
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  await untilAvailable(client);
  const asked = performance.now();
  await client.patchMerge(
    persistentVolumes,
    { name: CANARY },
    { status: { phase: "Pending" } },
    { subresource: "status" },
  );
  await untilAvailable(client);
  return Math.round(performance.now() - asked);
}

async function untilAvailable(client: KubeClient): Promise<void> {
  for (;;) {
    const canary = await client.get(persistentVolumes, { name: CANARY });
    if (canary.status?.phase === "Available") return;
    await pause(10);
  }
}
