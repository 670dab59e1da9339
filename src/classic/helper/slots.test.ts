import { describe, expect, it } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { HelperSlots } from "./slots.ts";

const never = new AbortController().signal;

describe("turns for helper pods", () => {
  it("so many on each node: a full one delays nobody else", async () => {
    const slots = new HelperSlots({ per: "node", count: 2 }, () => 3);
    await slots.take("create", "dead", never);
    await slots.take("delete", "dead", never);
    let third = false;
    void slots.take("create", "dead", never).then(() => (third = true));
    await slots.take("create", "alive", never);
    await settle();
    expect(third).toBe(false);
  });

  it("so many creates and so many deletes in all, wherever", async () => {
    const slots = new HelperSlots({ per: "action", count: 1 }, () => 3);
    const end = await slots.take("create", "a", never);
    await slots.take("delete", "a", never);
    let second = false;
    void slots.take("create", "b", never).then(() => (second = true));
    await settle();
    expect(second).toBe(false);
    end();
    await settle();
    expect(second).toBe(true);
  });

  it("where the scheduler chooses the node, as many as on all nodes together", async () => {
    const slots = new HelperSlots({ per: "node", count: 2 }, () => 3);
    for (let taken = 0; taken < 6; taken++) await slots.take("create", "", never);
    let seventh = false;
    void slots.take("create", "", never).then(() => (seventh = true));
    await settle();
    expect(seventh).toBe(false);
  });

  it("first come first served, one turn for one end", async () => {
    const slots = new HelperSlots({ per: "node", count: 1 }, () => 3);
    const order: number[] = [];
    const end = await slots.take("create", "n", never);
    const waiting = [1, 2, 3].map(async (each) => {
      const mine = await slots.take("create", "n", never);
      order.push(each);
      return mine;
    });
    end();
    end();
    await settle();
    expect(order).toEqual([1]);
    (await waiting[0])?.();
    (await waiting[1])?.();
    await waiting[2];
    expect(order).toEqual([1, 2, 3]);
  });

  it("a claim never waits for removals: creates go first, and a quarter of the turns is theirs", async () => {
    const slots = new HelperSlots({ per: "node", count: 4 }, () => 3);
    const order: string[] = [];
    const ends: (() => void)[] = [];
    const take = (action: "create" | "delete", name: string): void => {
      void slots.take(action, "n", never).then((end) => {
        order.push(name);
        ends.push(end);
      });
    };
    for (const name of ["d1", "d2", "d3", "d4", "d5"]) take("delete", name);
    await settle();
    expect(order).toEqual(["d1", "d2", "d3"]);
    take("create", "c1");
    take("create", "c2");
    await settle();
    expect(order).toEqual(["d1", "d2", "d3", "c1"]);
    ends.shift()?.();
    await settle();
    expect(order.slice(4)).toEqual(["c2"]);
    ends.shift()?.();
    await settle();
    expect(order.slice(5)).toEqual(["d4"]);
  });

  it("who gives up leaves the queue", async () => {
    const slots = new HelperSlots({ per: "node", count: 1 }, () => 3);
    const end = await slots.take("create", "n", never);
    const gaveUp = new AbortController();
    const second = slots.take("create", "n", gaveUp.signal);
    const third = slots.take("create", "n", never);
    gaveUp.abort(new Error("claim deleted"));
    await expect(second).rejects.toThrow("claim deleted");
    end();
    await third;
    await expect(slots.take("create", "n", gaveUp.signal)).rejects.toThrow("claim deleted");
  });

  it("so many of each action in all, and fewer on one node", async () => {
    const limit = { per: "action", count: 3, onNode: 1 as number | undefined } as const;
    const slots = new HelperSlots(limit, () => 3);
    const order: string[] = [];
    const take = (action: "create" | "delete", node: string, name: string): Promise<() => void> =>
      slots.take(action, node, never).then((end) => {
        order.push(name);
        return end;
      });
    const first = await take("create", "a", "c1");
    void take("delete", "a", "d1");
    void take("create", "a", "c2");
    void take("create", "b", "c3");
    void take("create", "c", "c4");
    await settle();
    expect(order).toEqual(["c1", "c3"]);
    first();
    await settle();
    expect(order).toEqual(["c1", "c3", "c2", "c4"]);
  });

  it("a limit that changes holds from the next turn on", async () => {
    const limit = { per: "node" as const, count: 1 };
    const slots = new HelperSlots(limit, () => 3);
    const end = await slots.take("create", "n", never);
    let others = 0;
    const next = [1, 2].map(() => slots.take("create", "n", never).then(() => (others += 1)));
    limit.count = 2;
    end();
    await Promise.all(next);
    expect(others).toBe(2);
  });
});
