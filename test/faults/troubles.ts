// Causes the troubles of the plan, and ends them all when everything heals.
import type { Clock } from "../../src/effects/clock.ts";
import { ADMIN, MANAGER, type Controllers, type FaultRequest, type LabApi, type LabUser } from "../../src/lab/index.ts";
import type { Absence, Trouble, Victim } from "./plan-troubles.ts";
import type { Replica } from "./replica.ts";

export interface Scene {
  readonly api: LabApi;
  readonly clock: Clock;
  readonly controllers: Controllers;
  /** The product's. */
  readonly namespace?: string;
  readonly replicas: readonly Replica[];
  /** The replica that the lease names; the first when none does. */
  readonly leader: () => Replica | undefined;
  /** The product's other processes, by their names. */
  readonly others?: ReadonlyMap<string, Replica>;
  /** A machine loses its power, besides what the control plane does about it; gets it back. */
  readonly pulled?: (node: string) => void;
  readonly plugged?: (node: string) => void;
}

/** A user whose requests say which process sends them. */
export function asProcess(user: LabUser, process: string): LabUser {
  return { ...user, extra: { process: [process] } };
}

/** Starts the planned troubles. Returns a function that ends them all. */
export function beginTroubles(scene: Scene, troubles: readonly Trouble[]): () => void {
  const { clock } = scene;
  const ends = new Set<() => void>();
  let healed = false;
  for (const trouble of troubles) {
    clock.after(trouble.at, () => {
      if (healed) return;
      const end = begin(scene, trouble);
      ends.add(end);
      const later = endOf(trouble);
      if (later === undefined) return;
      clock.after(later - trouble.at, () => {
        if (ends.delete(end)) end();
      });
    });
  }
  return () => {
    healed = true;
    for (const end of ends) end();
    scene.api.faults.clear();
    for (const process of scene.controllers.processes) scene.controllers.restart(process);
    for (const replica of [...scene.replicas, ...(scene.others?.values() ?? [])]) {
      replica.resume();
      replica.start();
    }
  };
}

function endOf(trouble: Trouble): number | undefined {
  switch (trouble.is) {
    case "crash":
    case "plug":
      return trouble.at + trouble.downMs;
    case "break":
    case "compact":
      return undefined;
    case "pause":
    case "lease":
    case "requests":
    case "stall":
    case "lag":
    case "hold":
    case "absence":
    case "no node":
    case "quota":
      return trouble.until;
    default:
      return trouble satisfies never;
  }
}

/** Starts one trouble. Returns a function that ends it. */
function begin(scene: Scene, trouble: Trouble): () => void {
  const { api, controllers } = scene;
  switch (trouble.is) {
    case "crash":
      return crash(scene, trouble.of, trouble);
    case "plug":
      controllers.pullPlug(trouble.node);
      scene.pulled?.(trouble.node);
      return () => {
        controllers.restart(`kubelet/${trouble.node}`);
        scene.plugged?.(trouble.node);
      };
    case "absence":
      return leaveOut(scene, trouble);
    case "no node":
      return removeNode(scene, trouble.node);
    case "quota":
      return limitPods(scene, trouble.pods);
    case "pause": {
      const victim = trouble.of === undefined ? scene.leader() : scene.others?.get(trouble.of);
      victim?.pause();
      return () => {
        victim?.resume();
      };
    }
    case "lease": {
      const name = scene.leader()?.name;
      return api.faults.add({
        fault: { do: "drop", when: "before" },
        matches: (request) => request.plural === "leases" && processOf(request) === name,
      });
    }
    case "requests": {
      const { fault, chance, of } = trouble;
      const names = [...scene.replicas.map(({ name }) => name), ...(scene.others?.keys() ?? [])];
      const senders = { product: names, manager: [MANAGER], all: [...names, ...controllers.processes] }[of];
      // Not the user's own requests: the user does not retry.
      const matches = (request: FaultRequest): boolean => senders.includes(processOf(request) ?? "");
      return api.faults.add({ fault, chance, matches });
    }
    case "stall":
      return api.faults.stallWatches(({ plural }) => plural === trouble.plural);
    case "break":
      api.faults.breakWatches();
      return () => undefined;
    case "compact":
      api.compact();
      return () => undefined;
    case "lag": {
      const lag = controllers.lagOf(trouble.process);
      lag.set(trouble.plural, trouble.ms);
      return () => {
        lag.set(trouble.plural, 0);
      };
    }
    case "hold":
      controllers.binder.hold(trouble.worker);
      return () => {
        controllers.binder.release(trouble.worker);
      };
    default:
      return trouble satisfies never;
  }
}

/** The machine is off. Its kubelet registers it when it begins anew. */
function removeNode({ api, controllers }: Scene, node: string): () => void {
  controllers.pullPlug(node);
  const deleted = api.kube(ADMIN).request({ method: "DELETE", path: `/api/v1/nodes/${node}` });
  void deleted.catch(() => undefined);
  return () => {
    controllers.restart(`kubelet/${node}`);
  };
}

/** As the admission plugin does it: before it is looked whether the name is taken. */
function limitPods({ api, namespace = "" }: Scene, most: number): () => void {
  const count = (): number => api.objects("pods").filter(({ metadata }) => metadata?.namespace === namespace).length;
  return api.faults.add({
    fault: { do: "forbid", why: `exceeded quota: pods, requested: pods=1, limited: pods=${most}` },
    matches: ({ namespace: of, plural, subresource, verb }) =>
      verb === "create" && plural === "pods" && subresource === "" && of === namespace && count() >= most,
  });
}

function leaveOut({ api, controllers }: Scene, { node, cut }: Absence): () => void {
  const kubelet = `kubelet/${node}`;
  if (cut === "power") {
    controllers.pullPlug(node);
    return () => {
      controllers.restart(kubelet);
    };
  }
  // Its containers run on, and it knows nothing of what the rest of the cluster does.
  const isOf = ({ user }: { readonly user: LabUser }): boolean => processOf({ user }) === kubelet;
  const ends = [
    api.faults.add({ fault: { do: "drop", when: "before" }, matches: isOf }),
    api.faults.stallWatches(isOf),
  ];
  return () => {
    for (const end of ends) end();
  };
}

function crash(
  { controllers, replicas, leader, others }: Scene,
  of: Victim,
  { write, moment }: Extract<Trouble, { is: "crash" }>,
): () => void {
  const other = others?.get(of);
  if (other === undefined && of !== "leader" && of !== "follower") {
    controllers.killAfterWrites(of, write);
    return () => {
      controllers.killAfterWrites(of, Infinity);
      controllers.restart(of);
    };
  }
  const first = leader();
  const victim = other ?? (of === "leader" ? first : replicas.find((replica) => replica !== first));
  victim?.killAtWrite(write, moment);
  return () => {
    victim?.killAtWrite(Infinity, moment);
    victim?.start();
  };
}

function processOf({ user }: Pick<FaultRequest, "user">): string | undefined {
  return user.extra?.["process"]?.[0];
}
