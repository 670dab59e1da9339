/*
 * The driver of mooring.dev: claims to LocalVolumes.
 *
 * No agent is on this path. A new volume is an object; the first publish makes its directory.
 *
 *   room granted → the node's keeper exists → Node read uncached: not leaving → LocalVolume created
 *   → (the loop) PersistentVolume created
 *
 * The keeper comes before the read: a drain that began before the read is seen by it, and one that
 * begins later finds the keeper among the node's pods and is held by it.
 *
 * What a crash leaves:
 *   after the keeper        a keeper on a node without volumes; the keeper loop removes it
 *   after the LocalVolume   a LocalVolume without a PersistentVolume: an attempt. The next leader
 *                           goes on with it, or, when the claim is gone, has it removed
 *   after `reclaim`         a Released PersistentVolume whose LocalVolume is being removed; another
 *                           order does nothing
 *
 * A LocalVolume is taken back only while nothing can have been written: there is no
 * PersistentVolume and no VolumeCopy, both read uncached. (A VolumeCopy is written before the first
 * mount.)
 */
import { quantity } from "../api/kinds/fields.ts";
import { localVolumes, type LocalVolume } from "../api/kinds/local-volume.ts";
import { volumeCopies, type VolumeCopy } from "../api/kinds/volume-copy.ts";
import { DRIVER, VOLUME_FINALIZER } from "../api/names.ts";
import type { Random } from "../effects/random.ts";
import type { KubeClient } from "../kube/client.ts";
import { isAlreadyExists, isConflict, isNotFound } from "../kube/errors.ts";
import {
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
} from "../kube/kinds.ts";
import { hostnameOf, isLeaving } from "../kube/nodes.ts";
import { nameOf, uidOf, type Stored } from "../kube/objects.ts";
import { bytes, QuantityError } from "../kube/quantity.ts";
import { CodedError } from "../observe/errors.ts";
import type { Cached } from "../kube/watch/store.ts";
import type { Log } from "../observe/log.ts";
import { chooseNode } from "../place/choose-node.ts";
import type { Ledger } from "../place/ledger.ts";
import { describeRoom } from "../place/room.ts";
import type {
  Confirm,
  Driver,
  ProvisionedVolume,
  ProvisionRequest,
  RemovedVolume,
  Reserved,
} from "../provision/driver.ts";
import { rankFor, type PodsOfClaim } from "../provision/claims/pods-of-claim.ts";
import { BY_HANDLE, handleOf } from "../provision/indexes.ts";
import { planReclaim } from "../provision/reclaim/plan-reclaim.ts";
import { refusalOf } from "../provision/refusals.ts";
import type { RetryPolicy } from "../provision/retry-policy.ts";
import { movableErrors } from "./errors.ts";
import { claimOf, newLocalVolume, persistentVolumePart } from "./local-volume.ts";
import { SharedReads } from "../kube/pace/shared-reads.ts";
import { parseParameters, policiesFor, type ClassParameters } from "./parameters.ts";

export interface MovableDeps {
  readonly client: KubeClient;
  readonly random: Random;
  readonly log: Log;
  readonly ledger: Ledger;
  /** With the indexes of `volumeIndexes`. */
  readonly persistentVolumes: Cached<PersistentVolume>;
  /** The LocalVolumes as last seen. */
  readonly volumes: { list(): readonly Stored<LocalVolume>[]; get(name: string): Stored<LocalVolume> | undefined };
  /** Runs the work while the node has its keeper pod (the object; it need not run). */
  readonly whileKept: <T>(nodeName: string, work: () => Promise<T>) => Promise<T>;
  /** Resolves once the cache of LocalVolumes has seen this version. */
  readonly seen: (resourceVersion: string, signal: AbortSignal) => Promise<void>;
}

const OWNER = { provisioner: DRIVER, csiDriver: DRIVER, finalizer: VOLUME_FINALIZER };

/** A claim without room is tried again soon: room comes when a volume goes. */
const RETRY: RetryPolicy = { firstMs: 5_000, longestMs: 300_000, limit: 0, restingMs: 0 };

/** How often a write is tried again that found the object changed. */
const TRIES = 5;

export function createMovableDriver(deps: MovableDeps): Driver {
  const reads = new SharedReads((name) => deps.client.get(nodes, { name }));
  return {
    name: "movable",
    ...OWNER,
    retry: { provision: RETRY, reclaim: RETRY },
    refusal,
    admit,
    chooseNode: (request, candidates, pods) => choose(deps, request, candidates, pods),
    ledger: {
      reserve: (requests) => reserve(deps.ledger, requests),
      release: (volumeName) => {
        deps.ledger.release(volumeName);
      },
    },
    provision: (request, signal) => provision(deps, reads, request, signal),
    stored: (volumeName) => {
      deps.ledger.release(volumeName);
      return Promise.resolve();
    },
    attempts: () =>
      deps.volumes
        .list()
        .filter(({ spec }) => spec.mayCreate !== undefined && !spec.reclaim)
        .map((volume) => nameOf(volume)),
    removeAttempt: async (volumeName, confirm, signal) => {
      if (await confirm()) await takenBack(deps, volumeName, signal);
    },
    remove: (volume, confirm, signal) => remove(deps, volume, confirm, signal),
  };
}

const unsupported = refusalOf(DRIVER);

/** A new claim's volume is an empty directory on one node, and nothing else. */
function refusal(claim: PersistentVolumeClaim): CodedError | undefined {
  const mode = claim.spec?.accessModes?.find((asked) => asked !== "ReadWriteOnce" && asked !== "ReadWriteOncePod");
  if (mode !== undefined) return movableErrors.ACCESS_MODE({ mode });
  if (claim.spec?.selector !== undefined) return movableErrors.SELECTOR({});
  return unsupported(claim);
}

function admit({ claim, storageClass }: ProvisionRequest): void {
  policiesFor(claim, nameOf(storageClass), parseParameters(storageClass));
  capacityOf(claim);
}

/** What the claim asks for, as it wrote it and in bytes. */
function capacityOf(claim: ProvisionRequest["claim"]): { readonly text: string; readonly bytes: bigint } {
  const text = claim.spec?.resources?.requests?.["storage"];
  if (text === undefined) throw movableErrors.CAPACITY({ why: "spec.resources.requests.storage is not set" });
  try {
    const amount = bytes(text);
    // As the claim wrote it where that is short and plain: people read it.
    if (amount > 0n) return { text: quantity.safeParse(text).success ? text : String(amount), bytes: amount };
  } catch (error) {
    if (!(error instanceof QuantityError)) throw error;
  }
  throw movableErrors.CAPACITY({ why: `"${text}" is not a positive amount` });
}

function choose(
  { ledger }: MovableDeps,
  { claim, storageClass }: ProvisionRequest,
  candidates: readonly Stored<Node>[],
  pods: PodsOfClaim,
): Stored<Node> {
  const { pool } = parseParameters(storageClass);
  const asked = capacityOf(claim);
  const looked = candidates
    .filter((node) => !isLeaving(node))
    .map((node) => ({ node, look: ledger.look(pool, nameOf(node)), rank: rankFor(pods, node) }));
  const choice = chooseNode(looked, asked.bytes, ({ room }) => describeRoom(room));
  const chosen = candidates.find((node) => node === choice.node);
  if (chosen !== undefined) return chosen;
  const reasons = choice.node === undefined ? choice.reasons : [];
  throw movableErrors.NO_NODE({ pool, asked: asked.text, reasons });
}

async function provision(
  deps: MovableDeps,
  reads: SharedReads<Stored<Node>>,
  request: ProvisionRequest,
  signal: AbortSignal,
): Promise<ProvisionedVolume> {
  const { node, storageClass } = request;
  if (node === undefined) throw movableErrors.NO_NODE({ pool: "", asked: "", reasons: [] });
  const parameters = parseParameters(storageClass);
  const nodeName = nameOf(node);
  return deps.whileKept(nodeName, async () => {
    const now = await reads.read(nodeName);
    if (isLeaving(now)) throw movableErrors.NODE_LEAVING({ node: nodeName });
    const volume = await create(deps, request, parameters, now, signal);
    // From here on the keeper stays because of the volume.
    await deps.seen(volume.metadata.resourceVersion, signal);
    return persistentVolumePart(volume);
  });
}

/**
 * Room for all of these volumes, or for none. Looks and promises in one turn of the event loop, so
 * that no two groups see the same free bytes.
 */
function reserve(ledger: Ledger, requests: readonly ProvisionRequest[]): Reserved {
  const granted: string[] = [];
  try {
    for (const request of requests) {
      const { node, storageClass, volumeName } = request;
      if (node === undefined) continue;
      grant(ledger, request, parseParameters(storageClass).pool, nameOf(node));
      granted.push(volumeName);
    }
    return { outcome: "granted" };
  } catch (error) {
    for (const volumeName of granted) ledger.release(volumeName);
    if (error instanceof CodedError) return { outcome: "refused", error };
    throw error;
  }
}

function grant(ledger: Ledger, request: ProvisionRequest, pool: string, node: string): void {
  const asked = capacityOf(request.claim);
  const look = ledger.look(pool, node, new Set([request.volumeName]));
  if (!look.usable) throw movableErrors.POOL_NOT_READY({ node, pool, why: look.why });
  if (look.room.free < asked.bytes) {
    throw movableErrors.NO_ROOM({ node, pool, asked: asked.text, room: describeRoom(look.room) });
  }
  ledger.grant({ volume: request.volumeName, pool, nodeName: node, bytes: asked.bytes });
}

/**
 * Creates the LocalVolume. One that is there already is this one: also on another node, when a
 * drain has moved it before its PersistentVolume could be stored. One that was only begun on
 * another node is taken back first.
 */
async function create(
  deps: MovableDeps,
  request: ProvisionRequest,
  parameters: ClassParameters,
  node: Stored<Node>,
  signal: AbortSignal,
): Promise<Stored<LocalVolume>> {
  const { client, random } = deps;
  const { claim, storageClass, volumeName } = request;
  const nodeName = nameOf(node);
  const volume = newLocalVolume({
    name: volumeName,
    nodeName,
    hostname: hostnameOf(node) ?? nodeName,
    capacity: capacityOf(claim).text,
    incarnation: random.uuid(),
    parameters: { ...parameters, policies: policiesFor(claim, nameOf(storageClass), parameters) },
    claim: claimOf(request),
  });
  try {
    return await client.create(localVolumes, volume, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  const stored = await client.get(localVolumes, { name: volumeName }, { signal });
  const isHere = stored.spec.nodeName === nodeName;
  if (!stored.spec.reclaim && (isHere || !(await takenBack(deps, volumeName, signal)))) return stored;
  throw movableErrors.BEING_REPLACED({ volume: volumeName });
}

/**
 * Orders the removal of a volume that was begun and that nobody can have written to. Does nothing,
 * and resolves with false, when a PersistentVolume or a copy of it exists: then it is no attempt
 * any more. A tombstone is no copy: it says that there never was one in its epoch.
 */
async function takenBack(deps: MovableDeps, volumeName: string, signal: AbortSignal): Promise<boolean> {
  const { client, log } = deps;
  const copies = await client.list(volumeCopies, { fieldSelector: `spec.volume=${volumeName}`, signal });
  const volume = await client.find(persistentVolumes, { name: volumeName }, { signal });
  // One that somebody made by hand may have any name.
  if (volume !== undefined || namesOf(deps, volumeName).length > 0) return false;
  if (!copies.every((copy) => isTombstone(copy))) return false;
  log.info("removing a volume that was begun and never used", { volume: volumeName });
  await orderReclaim(client, volumeName, signal);
  return true;
}

function isTombstone({ status }: Stored<VolumeCopy>): boolean {
  const copies = status?.copies ?? [];
  return copies.length > 0 && copies.every(({ tombstone }) => tombstone === true);
}

/**
 * Orders the removal of the volume's bytes, unless another PersistentVolume has the same bytes.
 * Somebody has made that one by hand, to give them to another claim. The agents carry the order
 * out; the PersistentVolume need not wait for them.
 */
async function remove(
  deps: MovableDeps,
  volume: Stored<PersistentVolume>,
  confirm: Confirm,
  signal: AbortSignal,
): Promise<RemovedVolume> {
  const { client } = deps;
  const name = volume.spec?.csi?.volumeHandle ?? nameOf(volume);
  const others = namesOf(deps, name).filter((other) => uidOf(other) !== uidOf(volume));
  const heir = await findHeir(client, others, signal);
  if (!(await confirm())) return { outcome: "withdrawn" };
  if (heir !== undefined) {
    const message = `PersistentVolume ${nameOf(heir)} has the data of LocalVolume ${name} too, so it stays; it is removed with that PersistentVolume`;
    return { outcome: "kept", message };
  }
  const ordered = await orderReclaim(client, name, signal);
  if (ordered) return { outcome: "removed" };
  const message = `LocalVolume ${name} does not exist, so no order to remove its data can be given; what is on a disk stays there`;
  return { outcome: "kept", message };
}

/**
 * The PersistentVolumes that name the LocalVolume. The cache is enough: it has seen that one of
 * them was released, and so everything that was written before.
 */
function namesOf({ persistentVolumes: cached }: MovableDeps, volume: string): readonly Stored<PersistentVolume>[] {
  return cached.store.byIndex(BY_HANDLE, handleOf(DRIVER, volume));
}

/** The first of these PersistentVolumes whose data is not to be removed as well. */
async function findHeir(
  client: KubeClient,
  volumes: readonly Stored<PersistentVolume>[],
  signal: AbortSignal,
): Promise<Stored<PersistentVolume> | undefined> {
  for (const volume of volumes) {
    const { name, namespace } = volume.spec?.claimRef ?? {};
    const claim =
      name === undefined ? undefined : await client.find(persistentVolumeClaims, { name, namespace }, { signal });
    if (planReclaim(OWNER, volume, claim).step !== "reclaim") return volume;
  }
  return undefined;
}

/** Sets `spec.reclaim`. Resolves with false when there is no such LocalVolume. */
async function orderReclaim(client: KubeClient, name: string, signal: AbortSignal): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { metadata, spec } = await client.get(localVolumes, { name }, { signal });
      if (spec.reclaim) return true;
      const { uid, resourceVersion } = metadata;
      await client.patchMerge(
        localVolumes,
        { name },
        { metadata: { uid, resourceVersion }, spec: { reclaim: true } },
        { signal },
      );
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      if (!isConflict(error) || attempt === TRIES) throw error;
    }
  }
}
