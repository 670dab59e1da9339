import { MOST_REPORTED, type Holder, type Proof, type Unreadable } from "./holders.ts";

export type Order = "ascending" | "descending";

/** What one sweep over all processes has found. */
export interface Findings {
  readonly holders: readonly Holder[];
  readonly unreadable: readonly Unreadable[];
}

/** The processes of a machine, for a sweep. */
export interface Processes {
  /** Process ids, as they are now. */
  list(): readonly number[];
  /** Looks at one process. One that has ended yields nothing. */
  lookAt(pid: number): Findings;
  /**
   * Looks at what belongs to no process: loop devices. Last, for a process makes one from what it
   * holds.
   */
  lookElsewhere(): Findings;
}

/**
 * More listings than this, each with processes that the one before did not have, and the sweep
 * gives up.
 */
const MOST_LISTINGS = 200;

/**
 * Two sweeps in opposite orders that find nothing are the proof (holders.ts says why). `start`
 * begins a sweep with nothing cached.
 */
export function prove(start: () => Processes): Proof {
  for (const order of ["ascending", "descending"] as const) {
    const { holders, unreadable } = sweep(start(), order);
    if (holders.length > 0 || unreadable.length > 0) {
      return {
        proven: false,
        holders: holders.slice(0, MOST_REPORTED),
        unreadable: unreadable.slice(0, MOST_REPORTED),
      };
    }
  }
  return { proven: true };
}

/**
 * Looks at every process, and at those born meanwhile, until a listing has none that was not looked
 * at.
 */
export function sweep(processes: Processes, order: Order): Findings {
  const seen = new Set<number>();
  const holders: Holder[] = [];
  const unreadable: Unreadable[] = [];
  const add = (found: Findings): void => {
    holders.push(...found.holders);
    unreadable.push(...found.unreadable);
  };
  for (let listings = 0; listings < MOST_LISTINGS; listings++) {
    const fresh = processes.list().filter((pid) => !seen.has(pid));
    if (fresh.length === 0) {
      add(processes.lookElsewhere());
      return { holders, unreadable };
    }
    fresh.sort((a, b) => (order === "ascending" ? a - b : b - a));
    for (const pid of fresh) {
      seen.add(pid);
      add(processes.lookAt(pid));
    }
  }
  unreadable.push({ pid: 0, why: `new processes kept appearing in ${String(MOST_LISTINGS)} listings of /proc` });
  return { holders, unreadable };
}
