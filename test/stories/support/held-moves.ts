/*
 * Moves that are held in a phase while something is deleted.
 *
 * Each phase is held by something that also happens in the field:
 *   Planned    a target that does not exist
 *   Prepared   a cordoned node whose drain nobody asks for
 *   Fenced     a pod that does not hear SIGTERM and has a long grace period, until endNow()
 *   Sealed     the network between the nodes is cut once the pod was asked to end (cut earlier, the
 *              move would look for another target)
 */
import { expect } from "vitest";
import type { Ground } from "../../cluster/ground.ts";
import { toYaml } from "./manifest.ts";
import { MOVABLE_CLASS } from "./movable.ts";
import { goneFrom, localVolume, nodeNameOf, readyOn, volumeOf } from "./movable-objects.ts";
import { inPhase, nodeBut, volumeMove } from "./moves.ts";
import type { Pod } from "./objects.ts";
import { type Acknowledged, checkRecords, moreRecords, recordWriter, type WriterOptions } from "./records.ts";

/**
 * Holds a move in Fenced until endNow(). The grace period is longer than a slow machine needs for
 * what a story does meanwhile.
 */
export const DEAF: WriterOptions = { deaf: true, gracePeriodSeconds: 60 };

export interface Running {
  readonly namespace: string;
  readonly name: string;
  readonly pod: Pod;
  readonly volume: string;
  readonly from: string;
  readonly to: string;
  readonly acknowledged: Acknowledged;
}

/** A writer that has written something. */
export async function running(
  ground: Ground,
  namespace: string,
  name: string,
  options: WriterOptions = {},
  storageClass = MOVABLE_CLASS,
): Promise<Running> {
  await ground.apply(toYaml(recordWriter(namespace, name, storageClass, { pause: 0.2, ...options })));
  const pod = await readyOn(ground, namespace, `${name}-0`);
  const volume = await volumeOf(ground, namespace, `data-${name}-0`);
  const acknowledged = await moreRecords(ground, namespace, `${name}-0`, 5);
  const from = nodeNameOf(pod);
  return { namespace, name, pod, volume, from, to: nodeBut(ground, from), acknowledged };
}

/** The pod runs on this node with all that was acknowledged, and writes on. */
export async function runsOn(ground: Ground, writer: Running, node: string, epoch: number): Promise<Pod> {
  const { acknowledged, name, namespace, volume } = writer;
  const pod = await ground.waitFor(`${name}-0 to be Ready on ${node}`, async (saw) => {
    const found = await readyOn(ground, namespace, `${name}-0`);
    saw(found.status);
    return nodeNameOf(found) === node ? found : undefined;
  });
  await moreRecords(ground, namespace, `${name}-0`, 3);
  expect((await checkRecords(ground, namespace, `${name}-0`, acknowledged)).faults).toEqual([]);
  expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: node, epoch });
  return pod;
}

/** No node has a copy of the volume any more. */
export async function gone(ground: Ground, { volume }: Running): Promise<void> {
  for (const node of ground.nodes) await goneFrom(ground, volume, node);
}

function pairs(ground: Ground): [string, string][] {
  return ground.nodes.flatMap((a, index) => ground.nodes.slice(index + 1).map((b): [string, string] => [a, b]));
}
export async function cutAll(ground: Ground): Promise<void> {
  for (const [a, b] of pairs(ground)) await ground.cutNodes(a, b);
}
export async function healAll(ground: Ground): Promise<void> {
  for (const [a, b] of pairs(ground)) await ground.healNodes(a, b);
}

/** What holds a move in a phase. */
export interface Hold {
  readonly writer: WriterOptions;
  readonly move: (writer: Running, name: string) => object;
  /** Before the move is made. */
  readonly before: (ground: Ground, writer: Running) => Promise<void>;
  /** Once the move is made. */
  readonly made: (ground: Ground, name: string, writer: Running) => Promise<void>;
  /** Lets it go on. */
  readonly after: (ground: Ground, writer: Running) => Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();
const plain: Hold["move"] = ({ from, to, volume }, name) => volumeMove(name, [volume], from, to);
export const HOLDS: Readonly<Record<"Planned" | "Prepared" | "Fenced" | "Sealed", Hold>> = {
  Planned: {
    writer: {},
    move: (w, name) => volumeMove(name, [w.volume], w.from, "no-such-node"),
    before: nothing,
    made: nothing,
    after: nothing,
  },
  Prepared: {
    writer: {},
    move: (w, name) => volumeMove(name, [w.volume], w.from, undefined, { reason: "Drain" }),
    before: (ground, w) => ground.patch("Node", w.from, { spec: { unschedulable: true } }),
    made: nothing,
    after: (ground, w) => ground.patch("Node", w.from, { spec: { unschedulable: null } }),
  },
  Fenced: {
    writer: DEAF,
    move: plain,
    before: nothing,
    made: nothing,
    after: endNow,
  },
  Sealed: {
    writer: DEAF,
    move: plain,
    before: nothing,
    made: async (ground, name, writer) => {
      await inPhase(ground, name, "Fenced");
      await cutAll(ground);
      await endNow(ground, writer);
    },
    after: healAll,
  },
};
/** Waits until the pod's end was asked for: from there on the move cannot go back by itself. */
export async function ending(ground: Ground, { name, namespace, pod }: Running): Promise<void> {
  await ground.waitFor(`${name}-0 to be ending`, async (saw) => {
    const found = await ground.get<Pod>("Pod", `${name}-0`, namespace);
    saw(found?.status);
    const isAsked = found?.metadata.uid !== pod.metadata.uid || found.metadata.deletionTimestamp !== undefined;
    return isAsked ? true : undefined;
  });
}

/**
 * Ends a deaf pod whose end was asked for, or is being asked for, without waiting for the rest of
 * its grace period.
 */
export async function endNow(
  ground: Ground,
  { name, namespace, pod }: Pick<Running, "name" | "namespace" | "pod">,
): Promise<void> {
  await ground.waitFor(`${name}-0 to have ended`, async (saw) => {
    const found = await ground.get<Pod>("Pod", `${name}-0`, namespace);
    saw(found?.metadata);
    if (found?.metadata.uid !== pod.metadata.uid) return true;
    // One that nobody has asked to end would be started again.
    if (found.metadata.deletionTimestamp === undefined) return undefined;
    await ground.killContainers(namespace, `${name}-0`);
    return true;
  });
}

/** Deletes the writer with its volume. */
export async function remove(ground: Ground, writer: Running): Promise<void> {
  const pod = await ground.get<Pod>("Pod", `${writer.name}-0`, writer.namespace);
  await ground.delete("StatefulSet", writer.name, writer.namespace);
  await ground.delete("PersistentVolumeClaim", `data-${writer.name}-0`, writer.namespace);
  if (pod !== undefined) await endNow(ground, { ...writer, pod });
  await gone(ground, writer);
}
