import type { CopyReport } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { timeOf } from "../plan/timing.ts";
import type { Directory, Machine, World } from "./world.fixture.ts";

/*
 * The agent of one node, by section "Why no write is lost" of docs/moves.md. Its operations pause
 * at each `yield`, where anything may happen, also a crash of the agent. Operations on one volume
 * exclude each other; a crash frees their locks.
 */
export type Operation = Generator<undefined, void, undefined>;

const copyName = (volume: string, node: string): string => `${volume}.${node}`;

/** Runs an operation under the volume's lock on this machine. */
export function* locked(machine: Machine, volume: string, operation: Operation): Operation {
  while (machine.locks.has(volume)) yield;
  machine.locks.add(volume);
  yield* operation;
  machine.locks.delete(volume);
}

/** Writes what is on disk, and the report, into the VolumeCopy. */
function report(world: World, machine: Machine, volume: string, move?: Omit<CopyReport, "at" | "bootID">): void {
  const name = copyName(volume, machine.name);
  const copies = machine.directories
    .filter((one) => one.volume === volume)
    .map((one) => ({
      epoch: one.epoch,
      directory: one.incoming === undefined ? String(one.epoch) : `${String(one.epoch)}-${one.incoming}`,
      state: one.state,
      incarnation: "i",
      poolUUID: "p",
      ...(one.tombstone ? { tombstone: true } : {}),
      publishedTo: machine.mounts.filter(({ directory }) => directory === one).map(({ pod }) => pod),
    }));
  const full =
    move === undefined ? {} : { move: { ...move, bootID: `boot-${String(machine.bootID)}`, at: timeOf(world.now) } };
  if (world.copies.get(name) === undefined) {
    world.copies.create(name, world.uid("copy"), {
      spec: { volume, nodeName: machine.name },
      status: { copies, ...full },
    });
  } else {
    world.copies.change(name, (one) => ({ ...one, status: { ...one.status, copies, ...full } }));
  }
}

/** Reports the state of the disk, also when an operation ended before it could report. */
// oxlint-disable-next-line require-yield -- one step, and still an operation
export function* tell(world: World, machine: Machine, volume: string): Operation {
  const known = world.copies.get(copyName(volume, machine.name)) !== undefined;
  if (known || machine.directories.some((one) => one.volume === volume)) report(world, machine, volume);
}

const digestOf = (directory: Directory): string => directory.data.join(",") || "empty";

/** The move as it is now. Undefined: it is gone, or another move has its name. */
function read(world: World, hint: VolumeMove) {
  const move = world.moves.get(hint.metadata?.name ?? "");
  return move?.metadata.uid === hint.metadata?.uid ? move : undefined;
}

/**
 * The source's part: seals a copy for a fenced move. `hint` is the move as the agent saw it last.
 */
export function* seal(world: World, machine: Machine, volume: string, hint: VolumeMove): Operation {
  const { sabotage } = world;
  const move = read(world, hint);
  yield;
  const lv = world.volumes.get(volume);
  yield;
  const phase = move?.status?.phase;
  if (move === undefined || lv === undefined || (phase !== "Fenced" && phase !== "Sealed")) return;
  if (move.spec.from !== machine.name || lv.spec.nodeName !== machine.name || lv.spec.reclaim) return;
  if (lv.spec.activeMove?.uid !== move.metadata.uid) return;
  const { epoch } = lv.spec;
  const order = { moveUID: move.metadata.uid, sealing: move.status?.sealing ?? 0 };
  let directory = world.directory(machine.name, volume, epoch);
  if (directory === undefined) {
    const { mayCreate } = lv.spec;
    if (mayCreate?.nodeName !== machine.name || mayCreate.epoch !== epoch) return;
    directory = {
      volume,
      epoch,
      incoming: undefined,
      state: "Sealed",
      tombstone: true,
      seal: order,
      copiedFor: undefined,
      data: [],
    };
    machine.directories.push(directory);
    yield;
  }
  if (directory.state === "Trash") return;
  const source = { ...order, role: "Source" as const };
  const mounted = machine.mounts.filter((use) => use.directory === directory);
  if (mounted.length > 0 && sabotage !== "the agent seals without proof that nobody can write") {
    report(world, machine, volume, { ...source, state: "Waiting", message: `${mounted[0]?.pod ?? ""} has it mounted` });
    return;
  }
  if (sabotage === "the agent reports the seal before it is on disk") {
    report(world, machine, volume, { ...source, state: "Sealed", digest: digestOf(directory) });
    yield;
  }
  if (directory.state === "Active") {
    directory.state = "Sealing";
    directory.seal = order;
    yield;
  }
  const writing = machine.writers.filter((use) => use.directory === directory);
  if (writing.length > 0 && sabotage !== "the agent seals without proof that nobody can write") {
    report(world, machine, volume, { ...source, state: "Waiting", message: `${writing[0]?.pod ?? ""} still writes` });
    return;
  }
  yield;
  directory.state = "Sealed";
  directory.seal = order;
  yield;
  const tombstone = directory.tombstone ? { tombstone: true } : {};
  report(world, machine, volume, { ...source, state: "Sealed", digest: digestOf(directory), ...tombstone });
  world.say(`${machine.name}: sealed ${volume} for ${order.moveUID}/${String(order.sealing)}`);
}

/** Before anything is closed: the source checks for files that cannot be copied. */
export function* look(world: World, machine: Machine, volume: string, hint: VolumeMove): Operation {
  const move = read(world, hint);
  yield;
  const phase = move?.status?.phase ?? "";
  const holder = world.volumes.get(volume)?.spec.activeMove?.uid;
  if (move === undefined || holder !== move.metadata.uid || move.spec.from !== machine.name) return;
  if (!["Planned", "Copying", "Prepared"].includes(phase)) return;
  yield;
  const order = { moveUID: move.metadata.uid, sealing: move.status?.sealing ?? 0 };
  report(world, machine, volume, { ...order, role: "Source", state: "Checked" });
}

/** A late seal is opened again. */
export function* unseal(world: World, machine: Machine, volume: string): Operation {
  const { sabotage } = world;
  for (const directory of machine.directories.filter((one) => one.volume === volume)) {
    const { seal: made } = directory;
    if ((directory.state !== "Sealed" && directory.state !== "Sealing") || made === undefined) continue;
    const lv = world.volumes.get(volume);
    yield;
    if (lv === undefined || lv.spec.nodeName !== machine.name || lv.spec.epoch !== directory.epoch) continue;
    const { fence, activeMove } = lv.spec;
    if (fence !== undefined || activeMove?.uid === made.moveUID) {
      const name = activeMove?.name ?? "";
      const move = world.moves.get(name);
      yield;
      // The move that holds the volume decides, also about a seal that an earlier move left.
      const phase = move?.metadata.uid === activeMove?.uid ? move?.status?.phase : undefined;
      const ordered = phase !== undefined && ["Planned", "Copying", "Prepared", "Undoing", "Cancelled"].includes(phase);
      if (!ordered && sabotage !== "the agent unseals what it finds sealed without asking") continue;
    }
    yield;
    if (directory.tombstone) machine.directories.splice(machine.directories.indexOf(directory), 1);
    else {
      directory.state = "Active";
      directory.seal = undefined;
    }
    yield;
    report(world, machine, volume, { ...made, role: "Source", state: "Unsealed" });
    world.say(`${machine.name}: unsealed ${volume} of ${made.moveUID}/${String(made.sealing)}`);
    return;
  }
}

/**
 * A live pass of the target, in Copying or in Prepared, while the pods write. Each piece of data is
 * copied at another moment, so the volume may never have looked like the result. Only the final
 * pass (`pull`) makes it a copy of the volume.
 */
export function* precopy(world: World, machine: Machine, volume: string, hint: VolumeMove): Operation {
  const move = read(world, hint);
  yield;
  const phase = move?.status?.phase;
  if ((phase !== "Copying" && phase !== "Prepared") || move?.status?.target !== machine.name) return;
  const lv = world.volumes.get(volume);
  if (lv?.spec.activeMove?.uid !== move.metadata.uid || lv.spec.nodeName !== move.spec.from) return;
  if (lv.spec.mayCreate !== undefined) return;
  yield;
  const { copyingAt, sealing = 0 } = move.status;
  const answers = copyingAt === undefined ? {} : { copyingAt };
  const order = { moveUID: move.metadata.uid, sealing, role: "Target" as const, ...answers };
  const sourceReport = world.copies.get(copyName(volume, move.spec.from))?.status?.move;
  if (sourceReport?.moveUID !== order.moveUID || sourceReport.state !== "Checked") return;
  if (phase === "Prepared") {
    // A pass in Prepared continues the passes of Copying. Their report stays as it is.
    const mine = world.copies.get(copyName(volume, machine.name))?.status?.move;
    if (mine?.state !== "Precopied" || mine.moveUID !== order.moveUID || mine.sealing !== sealing) return;
    if (mine.copyingAt !== copyingAt || lv.spec.fence !== undefined) return;
  }
  const directory = incoming(machine, volume, lv.spec.epoch + 1, order.moveUID);
  if (phase === "Copying") report(world, machine, volume, { ...order, state: "Copying" });
  yield;
  const source = world.directory(move.spec.from, volume, lv.spec.epoch);
  const served = read(world, hint)?.status?.phase;
  const isServed = served === "Copying" || served === "Prepared";
  if (source?.state !== "Active" || !isServed || !world.machine(move.spec.from).agentUp) return;
  if (phase === "Prepared") world.passesInPrepared += 1;
  for (let files = 0; files < 2; files++) {
    const lost = world.below(source.data.length);
    directory.data = source.data.filter((_, index) => index !== lost);
    yield;
  }
  report(world, machine, volume, { ...order, state: "Precopied" });
  world.say(`${machine.name}: precopied ${volume} for ${order.moveUID}/${String(order.sealing)}`);
}

/** The directory that a move fills. An existing one is used again, with its contents. */
function incoming(machine: Machine, volume: string, epoch: number, moveUID: string): Directory {
  const found = machine.directories.find((one) => one.volume === volume && one.state === "Incoming");
  if (found !== undefined) return Object.assign(found, { epoch, incoming: moveUID, copiedFor: undefined });
  const made: Directory = {
    volume,
    epoch,
    incoming: moveUID,
    state: "Incoming",
    tombstone: false,
    seal: undefined,
    copiedFor: undefined,
    data: [],
  };
  machine.directories.push(made);
  return made;
}

/** The target's part: copies the sealed data of the source. */
export function* pull(world: World, machine: Machine, volume: string, hint: VolumeMove): Operation {
  const { sabotage } = world;
  const move = read(world, hint);
  yield;
  if (move?.status?.phase !== "Sealed" || move.status.target !== machine.name) return;
  const lv = world.volumes.get(volume);
  if (lv?.spec.activeMove?.uid !== move.metadata.uid || lv.spec.nodeName !== move.spec.from) return;
  yield;
  const order = { moveUID: move.metadata.uid, sealing: move.status.sealing ?? 0, role: "Target" as const };
  const sourceReport = world.copies.get(copyName(volume, move.spec.from))?.status?.move;
  if (sourceReport?.moveUID !== order.moveUID || sourceReport.sealing !== order.sealing) return;
  if (sourceReport.state !== "Sealed" || sourceReport.tombstone === true) return;
  const epoch = lv.spec.epoch + 1;
  const mine = machine.directories.find((one) => one.volume === volume && one.incoming === order.moveUID);
  // A copy that was reported for this sealing may be committed at any moment, so it must not change
  // any more.
  if (mine?.copiedFor === order.sealing && sabotage !== "the target copies again what it has reported as copied") {
    report(world, machine, volume, { ...order, state: "Copied", digest: digestOf(mine) });
    return;
  }
  const directory = incoming(machine, volume, epoch, order.moveUID);
  report(world, machine, volume, { ...order, state: "Copying" });
  yield;
  const source = world.directory(move.spec.from, volume, lv.spec.epoch);
  // The source serves a volume only to the target of a move that is sealed and not committed, read
  // uncached.
  const served = read(world, hint);
  const ready = served?.status?.phase === "Sealed" && served.status.target === machine.name;
  if (source?.state !== "Sealed" || !ready || !world.machine(move.spec.from).agentUp) return;
  const half = Math.floor(source.data.length / 2);
  directory.data = source.data.slice(0, half);
  yield;
  directory.data = [...directory.data, ...source.data.slice(half)];
  if (world.chaos && world.chance(world.mood === "stubborn" ? 0.5 : 0.1)) directory.data = directory.data.slice(1);
  yield;
  directory.copiedFor = order.sealing;
  yield;
  report(world, machine, volume, { ...order, state: "Copied", digest: digestOf(directory) });
  world.say(`${machine.name}: copied ${volume} for ${order.moveUID}/${String(order.sealing)}`);
}

/** After the commit: the target opens its copy, the source's becomes trash. */
export function* settle(world: World, machine: Machine, volume: string): Operation {
  const lv = world.volumes.get(volume);
  yield;
  if (lv === undefined) return;
  if (lv.spec.nodeName === machine.name && lv.spec.mayCreate === undefined) {
    const { epoch, activeMove } = lv.spec;
    const incoming = machine.directories.find(
      (one) =>
        one.volume === volume && one.epoch === epoch && one.incoming !== undefined && one.incoming === activeMove?.uid,
    );
    if (incoming !== undefined && world.directory(machine.name, volume, epoch) === undefined) {
      // The order matters: after a crash between the two, the name still has the move, so the next
      // look can finish the work.
      incoming.state = "Active";
      yield;
      incoming.incoming = undefined;
      yield;
      report(world, machine, volume);
    }
  }
  for (const directory of machine.directories) {
    if (directory.volume !== volume || directory.epoch >= lv.spec.epoch || directory.state === "Trash") continue;
    if (directory.incoming !== undefined) continue;
    directory.state = "Trash";
    yield;
    report(world, machine, volume);
  }
}

/** NodePublishVolume: mounts the volume for the pod, and makes it if it was never made. */
export function* publish(world: World, machine: Machine, volume: string, pod: string): Operation {
  const lv = world.volumes.get(volume);
  yield;
  if (lv === undefined || lv.spec.reclaim) return;
  if (lv.spec.nodeName !== machine.name || lv.spec.fence !== undefined) return;
  const { epoch, mayCreate } = lv.spec;
  let directory = world.directory(machine.name, volume, epoch);
  let first = false;
  if (directory === undefined) {
    if (mayCreate?.nodeName !== machine.name || mayCreate.epoch !== epoch) return;
    directory = {
      volume,
      epoch,
      incoming: undefined,
      state: "Active",
      tombstone: false,
      seal: undefined,
      copiedFor: undefined,
      data: [],
    };
    machine.directories.push(directory);
    first = true;
    yield;
    report(world, machine, volume);
    yield;
  }
  if (directory.state !== "Active") return;
  const use = { pod, directory };
  machine.mounts.push(use);
  if (first) {
    yield;
    const again = world.volumes.get(volume);
    if (again?.spec.nodeName !== machine.name || again.spec.epoch !== epoch || again.spec.fence !== undefined) {
      machine.mounts = machine.mounts.filter((one) => one !== use);
    }
  }
}
