import { timeOf } from "../plan/timing.ts";
import { locked, look, precopy, publish, pull, seal, settle, tell, unseal, type Operation } from "./agent.fixture.ts";
import { labelOn, wantedLabel, type Machine, type World } from "./world.fixture.ts";

/*
 * The actors of a cluster besides the controller: kubelets, scheduler, workload controllers,
 * labels, agents.
 */

/** The operations in progress. */
export interface Running {
  /** Operations of the agents, by machine. A crash of the agent drops them. */
  readonly agents: Map<string, Operation[]>;
  /** Decisions of the scheduler that are not bound yet. */
  bindings: { readonly pod: string; readonly uid: string; readonly node: string }[];
  /** Label writes that were computed and not sent yet. */
  labels: { readonly node: string; readonly volume: string; readonly label: string | undefined }[];
}

/** One step of an actor that is drawn at random. */
export function clusterStep(world: World, running: Running): void {
  const machine = world.machine(busyNode(world));
  switch (world.below(14)) {
    case 0:
      if (world.chance(0.3)) sweep(world);
      forbidSecondMaking(world);
      return recreatePods(world);
    case 1:
      return schedule(world, running);
    case 2:
      return bind(world, running);
    case 3:
      return kubelet(world, running, machine);
    case 4:
      return startOperation(world, running, machine);
    case 5:
      return setLabels(world, running);
    case 6:
      return write(world);
    case 7:
      return kubelet(world, running, machine);
    case 8:
    case 9:
      return startOperation(world, running, machine);
    default:
      return stepOperation(world, running, machine);
  }
}

/** A random node, usually one that belongs to a move. */
function busyNode(world: World): string {
  const move = world.chance(0.7) ? world.pick(world.moves.list()) : undefined;
  const nodes = [move?.spec.from, move?.status?.target].filter((name) => name !== undefined);
  return world.pick(nodes) ?? world.pick([...world.machines.keys()]) ?? "";
}

/** Running containers write, even those whose pod the API has forgotten. */
function write(world: World): void {
  for (const machine of world.machines.values()) {
    for (const use of machine.writers) if (world.chance(0.5)) world.acknowledge(machine.name, use);
  }
}

/**
 * Deletes pods that were scheduled to a node without their volume and have not started: they would
 * never start.
 */
function sweep(world: World): void {
  for (const pod of world.pods.list()) {
    const { nodeName } = pod;
    if (nodeName === undefined || pod.volumes.every((name) => world.volumes.get(name)?.spec.nodeName === nodeName))
      continue;
    if (!world.machine(nodeName).writers.some((use) => use.pod === pod.metadata.uid))
      terminate(world, pod.metadata.name);
  }
}

/** The controller clears mayCreate once the volume was made. */
function forbidSecondMaking(world: World): void {
  for (const { metadata, spec } of world.volumes.list()) {
    if (spec.mayCreate === undefined || world.chance(0.5)) continue;
    const copies = world.copies.get(`${metadata.name}.${spec.nodeName}`)?.status?.copies ?? [];
    if (!copies.some((copy) => copy.epoch === spec.epoch && copy.state === "Active")) continue;
    world.volumes.change(metadata.name, (one) => {
      const { mayCreate: _made, ...rest } = one.spec;
      return { ...one, spec: rest };
    });
  }
}

/** The workload's controller: makes a pod of the same name for each pod that is gone. */
function recreatePods(world: World): void {
  for (const [name, volumes] of world.workload) {
    if (world.pods.get(name) !== undefined) continue;
    world.pods.create(name, world.uid("pod"), { metadata: { namespace: "ns" }, nodeName: undefined, volumes });
  }
}

function schedule(world: World, running: Running): void {
  const pod = world.pick(world.pods.list().filter((one) => one.nodeName === undefined));
  if (pod === undefined) return;
  const fits = world.nodes.list().filter(({ metadata: { name }, cordoned }) => {
    if (cordoned) return false;
    return pod.volumes.every((volume) => {
      const origin = world.volumes.get(volume)?.spec.originHostname === name;
      const label = labelOn(world, volume, name) ?? "";
      return (origin && !label.includes("away/")) || label.includes("at/");
    });
  });
  const node = world.pick(fits);
  if (node === undefined) return;
  running.bindings.push({ pod: pod.metadata.name, uid: pod.metadata.uid, node: node.metadata.name });
}

function bind(world: World, running: Running): void {
  const binding = running.bindings.shift();
  const pod = binding === undefined ? undefined : world.pods.get(binding.pod);
  if (binding === undefined || pod?.metadata.uid !== binding.uid) return;
  if (pod.nodeName !== undefined || pod.metadata.deletionTimestamp !== undefined) return;
  world.pods.change(binding.pod, (one) => ({ ...one, nodeName: binding.node }));
}

function kubelet(world: World, running: Running, machine: Machine): void {
  for (const pod of world.pods.list()) {
    if (pod.nodeName !== machine.name) continue;
    const { name, uid, deletionTimestamp } = pod.metadata;
    const mounts = machine.mounts.filter((use) => use.pod === uid);
    if (deletionTimestamp === undefined) {
      const mounted = new Set(mounts.map(({ directory }) => directory.volume));
      const next = pod.volumes.find((volume) => !mounted.has(volume));
      if (next !== undefined && machine.agentUp)
        add(running, machine, locked(machine, next, publish(world, machine, next, uid)));
      else if (next === undefined && !machine.writers.some((use) => use.pod === uid)) machine.writers.push(...mounts);
    } else if (machine.writers.some((use) => use.pod === uid)) {
      if (world.chance(0.3)) machine.writers = machine.writers.filter((use) => use.pod !== uid);
    } else if (mounts.length > 0) {
      if (world.chance(0.5)) machine.mounts = machine.mounts.filter((use) => use.pod !== uid);
    } else {
      world.pods.remove(name);
      world.say(`${machine.name}: pod ${uid} has ended`);
    }
  }
  // Pods that were removed by force: a restarted kubelet unmounts first and stops their containers
  // later.
  const known = new Set(world.pods.list().map((pod) => pod.metadata.uid));
  const orphan = [...machine.mounts, ...machine.writers].find(({ pod }) => !known.has(pod))?.pod;
  if (orphan === undefined || !world.chance(0.2)) return;
  if (machine.mounts.some(({ pod }) => pod === orphan)) {
    machine.mounts = machine.mounts.filter(({ pod }) => pod !== orphan);
  } else {
    machine.writers = machine.writers.filter(({ pod }) => pod !== orphan);
  }
}

function setLabels(world: World, running: Running): void {
  const pending = running.labels.shift();
  if (pending !== undefined) {
    const labels = world.labels.get(pending.node);
    labels?.delete(`at/${pending.volume}`);
    labels?.delete(`away/${pending.volume}`);
    if (pending.label !== undefined) labels?.add(pending.label);
    return;
  }
  for (const volume of world.volumes.list()) {
    const { name } = volume.metadata;
    for (const node of world.machines.keys()) {
      const label = wantedLabel(volume, name, node);
      if (label !== labelOn(world, name, node)) running.labels.push({ node, volume: name, label });
    }
  }
}

function startOperation(world: World, running: Running, machine: Machine): void {
  if (!machine.agentUp) return;
  const volume = world.pick(world.volumes.names()) ?? "";
  // The agent acts on the state that it saw last, which may be any earlier state of the move.
  const histories = world.moves.list().map(({ metadata: { name } }) => world.moves.history(name));
  const history = (world.pick(histories) ?? []).filter((version) => version !== undefined);
  const heard = world.chance(0.8) ? history.at(-1) : world.pick(history);
  const concerned = heard?.spec.volumes.some(({ name }) => name === volume) === true;
  const operations = [unseal(world, machine, volume), settle(world, machine, volume), tell(world, machine, volume)];
  const ended = ["Committed", "Undoing", "Prepared"].includes(history.at(-1)?.status?.phase ?? "");
  if (heard !== undefined && concerned && world.chance(ended ? 0.3 : 0.8)) {
    const source = heard.spec.from === machine.name;
    const early = ["Planned", "Copying", "Prepared"].includes(history.at(-1)?.status?.phase ?? "");
    const atSource = early && world.chance(0.7) ? look : seal;
    const atTarget = early && world.chance(0.7) ? precopy : pull;
    const operation = (source ? atSource : atTarget)(world, machine, volume, heard);
    return add(running, machine, locked(machine, volume, operation));
  }
  const operation = world.pick(operations);
  if (operation !== undefined) add(running, machine, locked(machine, volume, operation));
}

function add(running: Running, machine: Machine, operation: Operation): void {
  const operations = running.agents.get(machine.name) ?? [];
  running.agents.set(machine.name, operations);
  if (operations.length < 12) operations.push(operation);
}

function stepOperation(world: World, running: Running, machine: Machine): void {
  const operations = running.agents.get(machine.name) ?? [];
  for (let steps = 1 + world.below(6); steps > 0; steps--) {
    const operation = world.pick(operations);
    if (operation?.next().done === true) operations.splice(operations.indexOf(operation), 1);
  }
}

/** The agent stops in the middle of whatever it does. */
export function crashAgent(running: Running, machine: Machine): void {
  running.agents.delete(machine.name);
  machine.locks.clear();
}

/** The machine restarts: all its processes end, and the data on its disk stays. */
export function reboot(world: World, running: Running, machine: Machine): void {
  crashAgent(running, machine);
  machine.mounts = [];
  machine.writers = [];
  machine.bootID += 1;
  world.say(`${machine.name}: rebooted`);
}

/** Does once everything that happens in a world without trouble. */
export function settleCluster(world: World, running: Running): void {
  for (const machine of world.machines.values()) {
    machine.agentUp = true;
    world.renew(machine.name);
    for (const operation of running.agents.get(machine.name) ?? []) finish(operation);
    running.agents.delete(machine.name);
    for (const volume of world.volumes.names()) {
      const moves = world.moves.list().filter(({ spec }) => spec.volumes.some(({ name }) => name === volume));
      finish(locked(machine, volume, unseal(world, machine, volume)));
      finish(locked(machine, volume, settle(world, machine, volume)));
      for (const move of moves) finish(locked(machine, volume, look(world, machine, volume, move)));
      for (const move of moves) finish(locked(machine, volume, precopy(world, machine, volume, move)));
      for (const move of moves) finish(locked(machine, volume, seal(world, machine, volume, move)));
      for (const move of moves) finish(locked(machine, volume, pull(world, machine, volume, move)));
      finish(locked(machine, volume, tell(world, machine, volume)));
    }
    for (let round = 0; round < 4; round++) kubelet(world, running, machine);
    for (const operation of running.agents.get(machine.name) ?? []) finish(operation);
    running.agents.delete(machine.name);
    for (const use of machine.writers) if (world.chance(0.2)) world.acknowledge(machine.name, use);
  }
  sweep(world);
  forbidSecondMaking(world);
  recreatePods(world);
  for (let round = 0; round < world.workload.size; round++) schedule(world, running);
  while (running.bindings.length > 0) bind(world, running);
  setLabels(world, running);
  while (running.labels.length > 0) setLabels(world, running);
}

function finish(operation: Operation): void {
  for (let steps = 0; steps < 200; steps++) if (operation.next().done === true) return;
}

export function terminate(world: World, name: string): void {
  const pod = world.pods.get(name);
  if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
  if (pod.nodeName === undefined) world.pods.remove(name);
  else {
    world.pods.change(name, (one) => ({
      ...one,
      metadata: { ...one.metadata, deletionTimestamp: timeOf(world.now), deletionGracePeriodSeconds: 30 },
    }));
  }
}
