import { describe, expect, it } from "vitest";
import { MOST_REPORTED, type Holder } from "./holders.ts";
import { prove, sweep, type Findings, type Processes } from "./prove.ts";

const NOTHING: Findings = { holders: [], unreadable: [] };
const holder = (pid: number): Holder => ({ pid, command: "sh", how: "descriptor", where: "descriptor 3" });

/**
 * Processes of a story: which of them hold the directory, and what happens right after one was
 * looked at.
 */
class Story implements Processes {
  readonly alive: Set<number>;
  readonly holding: Set<number>;
  readonly looks: number[] = [];
  readonly #after: (pid: number, story: Story) => void;

  constructor(alive: readonly number[], holding: readonly number[], after: (pid: number, story: Story) => void) {
    this.alive = new Set(alive);
    this.holding = new Set(holding);
    this.#after = after;
  }

  list(): number[] {
    return [...this.alive];
  }

  lookAt(pid: number): Findings {
    this.looks.push(pid);
    const found = this.alive.has(pid) && this.holding.has(pid);
    this.#after(pid, this);
    return found ? { holders: [holder(pid)], unreadable: [] } : NOTHING;
  }

  lookElsewhere(): Findings {
    return NOTHING;
  }
}

const nothingHappens = (): void => undefined;

describe("a sweep", () => {
  it("goes up or down, over each process once", () => {
    const story = new Story([30, 4, 100], [], nothingHappens);
    sweep(story, "ascending");
    sweep(story, "descending");
    expect(story.looks).toEqual([4, 30, 100, 100, 30, 4]);
  });

  it("looks at those that were born meanwhile, whatever their id", () => {
    const story = new Story([10, 20], [20], (pid, { alive, holding }) => {
      // 20 forks 5 before it is looked at, and ends.
      if (pid !== 10) return;
      alive.delete(20);
      alive.add(5);
      holding.add(5);
    });
    expect(sweep(story, "ascending").holders.map(({ pid }) => pid)).toEqual([5]);
  });

  it("gives up, with a reason, when processes never stop appearing", () => {
    let next = 2;
    const story = new Story([1], [], (_, { alive }) => alive.add(next++));
    expect(sweep(story, "ascending")).toEqual({
      holders: [],
      unreadable: [{ pid: 0, why: "new processes kept appearing in 200 listings of /proc" }],
    });
  });
});

describe("a proof", () => {
  it("is given after two sweeps that find nothing", () => {
    const story = new Story([1, 2], [], nothingHappens);
    expect(prove(() => story)).toEqual({ proven: true });
    expect(story.looks).toEqual([1, 2, 2, 1]);
  });

  it("is not given when a descriptor is handed down behind the first sweep", () => {
    const story = new Story([1, 9], [9], (pid, { holding }) => {
      if (pid !== 1) return;
      holding.delete(9);
      holding.add(1);
    });
    expect(prove(() => story)).toMatchObject({ proven: false, holders: [{ pid: 1 }] });
  });

  it("is not given when something could not be read", () => {
    const unreadable = [{ pid: 7, why: "EACCES" }];
    const story: Processes = {
      list: () => [7],
      lookAt: () => ({ holders: [], unreadable }),
      lookElsewhere: () => NOTHING,
    };
    expect(prove(() => story)).toEqual({ proven: false, holders: [], unreadable });
  });

  it("is not given while a loop device has its backing file inside", () => {
    const loop = { pid: 0, command: "loop0", how: "loop", where: "/disk" } as const;
    const story: Processes = {
      list: () => [],
      lookAt: () => NOTHING,
      lookElsewhere: () => ({ holders: [loop], unreadable: [] }),
    };
    expect(prove(() => story)).toEqual({ proven: false, holders: [loop], unreadable: [] });
  });

  it("names only so many holders", () => {
    const pids = Array.from({ length: MOST_REPORTED + 5 }, (_, at) => at + 1);
    const proof = prove(() => new Story(pids, pids, nothingHappens));
    expect(proof.proven ? [] : proof.holders).toHaveLength(MOST_REPORTED);
  });
});
