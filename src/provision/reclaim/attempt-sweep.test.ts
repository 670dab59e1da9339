import { expect, test } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { fakeDriver, startProvisioner } from "../testing/harness.fixture.ts";

const CLAIMS = "/api/v1/persistentvolumeclaims";

/**
 * A driver with this one thing left, which stays whatever is done; says at which second it was
 * tried to remove it.
 */
function stubborn(left: Set<string>, remove: () => Promise<void>) {
  const tried: number[] = [];
  let now: () => number = () => 0;
  const driver = fakeDriver({
    attempts: () => [...left],
    removeAttempt: () => {
      tried.push(Math.round(now() / 1000));
      return remove();
    },
  });
  const start = async () => {
    const world = await startProvisioner(driver);
    const begun = world.clock.monotonic();
    now = () => world.clock.monotonic() - begun;
    return world;
  };
  return { tried, start };
}

test.each([
  ["fails", () => Promise.reject(new Error("the disk is on fire"))],
  ["has no effect (the helper pod may not be deleted)", () => Promise.resolve()],
])(
  "a removal of a leftover that %s is tried again ever more seldom, at least every five minutes",
  async (_, remove) => {
    const { tried, start } = stubborn(new Set(["pvc-gone"]), remove);
    const world = await start();
    for (let minute = 0; minute < 20; minute++) await world.clock.advance(60_000);
    expect(tried).toEqual([0, 30, 90, 210, 450, 750, 1050]);
    await world.stop();
  },
);

test("a leftover is tried at once though another one is waited with", async () => {
  const left = new Set(["pvc-gone"]);
  const { tried, start } = stubborn(left, () => Promise.reject(new Error("the disk is on fire")));
  const world = await start();
  for (let minute = 0; minute < 5; minute++) await world.clock.advance(60_000);
  expect(tried).toEqual([0, 30, 90, 210]);
  left.add("pvc-too");
  world.putClaim("c");
  world.removeClaim("c");
  await settle(60);
  expect(tried).toEqual([0, 30, 90, 210, 300]);
  await world.stop();
});

test("what has gone and is left again is tried at once", async () => {
  const left = new Set(["pvc-gone"]);
  const { tried, start } = stubborn(left, () => Promise.reject(new Error("the disk is on fire")));
  const world = await start();
  for (let minute = 0; minute < 5; minute++) await world.clock.advance(60_000);
  left.clear();
  await world.clock.advance(30_000);
  left.add("pvc-gone");
  await world.clock.advance(30_000);
  expect(tried).toEqual([0, 30, 90, 210, 360]);
  await world.stop();
});

test("the claims are listed once for all leftovers of a sweep", async () => {
  const left = new Set(Array.from({ length: 50 }, (_, index) => `pvc-gone-${index}`));
  const driver = fakeDriver({
    attempts: () => [...left],
    removeAttempt: async (name, confirm) => {
      if (await confirm()) left.delete(name);
    },
  });
  const world = await startProvisioner([]);
  const before = world.kube.log.length;
  void world.run([driver]);
  await settle(60);
  expect([...left]).toEqual([]);
  const lists = world.kube.log.slice(before).filter((line) => line === `GET ${CLAIMS}`);
  expect(lists).toHaveLength(1);
  await world.stop();
});

test("the claims are not listed for a leftover whose removal is still in progress", async () => {
  const { start } = stubborn(new Set(["pvc-gone"]), () => new Promise(() => undefined));
  const world = await start();
  const before = world.kube.log.length;
  for (let minute = 0; minute < 5; minute++) await world.clock.advance(60_000);
  expect(world.kube.log.slice(before)).not.toContain(`GET ${CLAIMS}`);
  await world.stop();
});

test("a leftover whose claim is not in the cache yet is not removed", async () => {
  const driver = fakeDriver({ attempts: () => ["pvc-claim-c"] });
  const world = await startProvisioner([]);
  world.kube.intercept = ({ method, path }) => {
    if (method === "GET" && path === CLAIMS) world.putClaim("c");
  };
  void world.run([driver]);
  await settle(60);
  // One list is the cache's.
  expect(world.kube.log.filter((line) => line === `GET ${CLAIMS}`)).toHaveLength(2);
  expect(driver.calls).not.toContain("removeAttempt pvc-claim-c");
  await world.stop();
});

test("a leftover whose PersistentVolume was stored while it waited is not removed", async () => {
  const confirmed: boolean[] = [];
  const world = await startProvisioner([]);
  const driver = fakeDriver({
    attempts: () => ["pvc-gone"],
    removeAttempt: async (_, confirm) => {
      world.putVolume("pvc-gone");
      confirmed.push(await confirm());
    },
  });
  void world.run([driver]);
  await settle(60);
  expect(confirmed).toEqual([false]);
  await world.stop();
});
