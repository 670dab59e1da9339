/* What is deleted while a move is held: stories that run wherever the phase can be held. */
import { expect, test } from "vitest";
import type { Ground } from "../../cluster/ground.ts";
import { closeNamespace, openNamespace } from "./cleanup.ts";
import { ending, endNow, gone, HOLDS, remove, running, runsOn, type Running } from "./held-moves.ts";
import { toYaml } from "./manifest.ts";
import { ended, moveNamed } from "./movable-objects.ts";
import { inPhase, moveGone, nothingLeftBehind } from "./moves.ts";
import { ENDS_WITH_FILE } from "./shared-ground.ts";

/**
 * All of it takes a quarter of an hour on a real cluster: MOORING_MATRIX=full. Otherwise the cases
 * are left out that take a minute or more, or share their path with another one.
 */
export function inFull(title: string, story: () => Promise<void>): void {
  if (process.env["MOORING_MATRIX"] === "full") test(title, story);
}

/** The stories of one phase; `at` says where they play once they do. */
export function deletedIn(
  phase: keyof typeof HOLDS,
  at: () => { readonly ground: Ground; readonly namespace: string },
): void {
  const hold = HOLDS[phase];
  const prefix = phase.toLowerCase();

  async function caught(name: string, namespace = at().namespace): Promise<Running> {
    const { ground } = at();
    const writer = await running(ground, namespace, name, hold.writer);
    await hold.before(ground, writer);
    await ground.apply(toYaml(hold.move(writer, name)));
    await hold.made(ground, name, writer);
    await inPhase(ground, name, phase);
    if (phase === "Fenced") await ending(ground, writer);
    return writer;
  }

  test("its VolumeMove is deleted: undone, the pod runs where it was", async () => {
    const { ground } = at();
    const name = `${prefix}-move`;
    const writer = await caught(name);
    await ground.delete("volumemoves.mooring.dev", name);
    await moveGone(ground, name);
    await hold.after(ground, writer);
    const pod = await runsOn(ground, writer, writer.from, 1);
    const stopped = phase === "Fenced" || phase === "Sealed";
    expect(pod.metadata.uid === writer.pod.metadata.uid).toBe(!stopped);
    await nothingLeftBehind(ground);
    await remove(ground, writer);
  });

  test("its claim is deleted: the volume goes, whatever the move was at", async () => {
    const { ground, namespace } = at();
    const name = `${prefix}-claim`;
    const writer = await caught(name);
    await ground.delete("StatefulSet", name, namespace);
    await ground.delete("PersistentVolumeClaim", `data-${name}-0`, namespace);
    await endNow(ground, writer);
    await gone(ground, writer);
    await hold.after(ground, writer);
    await ended(ground, name);
    await nothingLeftBehind(ground);
  });

  inFull("its namespace is deleted: the same", async () => {
    const { ground } = at();
    const namespace = `ends-${prefix}`;
    await openNamespace(ground, namespace);
    const writer = await caught(`${prefix}-namespace`, namespace);
    await ground.delete("Namespace", namespace);
    await endNow(ground, writer);
    await gone(ground, writer);
    await hold.after(ground, writer);
    await closeNamespace(ground, namespace);
    await ended(ground, `${prefix}-namespace`);
    await nothingLeftBehind(ground);
  });

  const always = ENDS_WITH_FILE ? test : inFull;
  always("its PersistentVolume is deleted: it stays while its claim does, and the move goes on", async () => {
    const { ground } = at();
    const name = `${prefix}-volume`;
    const writer = await caught(name);
    await ground.delete("PersistentVolume", writer.volume);
    expect((await moveNamed(ground, name))?.status?.phase).toBe(phase);
    await hold.after(ground, writer);
    if (phase === "Fenced" || phase === "Sealed") {
      expect((await ended(ground, name)).status?.phase).toBe("Done");
      await runsOn(ground, writer, writer.to, 2);
    } else {
      // Of these two, one waits for its node and one for its drain: they are called off.
      await ground.delete("volumemoves.mooring.dev", name);
      await moveGone(ground, name);
      await runsOn(ground, writer, writer.from, 1);
    }
    await nothingLeftBehind(ground);
    await remove(ground, writer);
  });
}
