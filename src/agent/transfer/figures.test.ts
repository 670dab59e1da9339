import { closeSync, openSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { Copy, LATER, YOUNG } from "./testing/copy.fixture.ts";
import { shell, sourceAndTarget } from "./testing/trees.fixture.ts";

function heldOpen(path: string): void {
  const writer = openSync(path, "r+");
  onTestFinished(() => closeSync(writer));
}

it("a live pass reports what it has read, and what must be read below the seal", async () => {
  const { source, from, to } = sourceAndTarget();
  shell(source, "head -c 3000000 /dev/urandom > database; head -c 2000000 /dev/urandom > closed; echo small > small");
  heldOpen(`${source}/database`);
  const copy = new Copy(from, to, LATER);
  const first = await copy.live();
  expect(first).toMatchObject({ bytes: 5_000_006, source: { read: 5_000_006, toRead: 3_000_000, heldMs: 0 } });
  const second = await copy.live();
  expect(second).toMatchObject({ bytes: 0, source: { read: 0, toRead: 3_000_000 } });
});

it("a changed file is read whole, although only a part of it is sent", async () => {
  const { source, from, to } = sourceAndTarget();
  shell(source, "head -c 5000000 /dev/urandom > large");
  const copy = new Copy(from, to, LATER);
  expect(await copy.live()).toMatchObject({ source: { read: 5_000_000, toRead: 0 } });
  shell(source, "printf changed. | dd of=large bs=1 seek=10 conv=notrunc status=none");
  expect(await copy.live()).toMatchObject({ bytes: 1024 ** 2, source: { read: 5_000_000, toRead: 0 } });
});

it("a file that is too young to be proven must be read below the seal, without its holes", async () => {
  const { source, from, to } = sourceAndTarget();
  shell(source, "head -c 1048576 /dev/urandom > large; truncate -s 1G large hole");
  const { source: figures } = await new Copy(from, to, YOUNG).live();
  expect(figures).toMatchObject({ read: 1024 ** 2, toRead: 1024 ** 2 });
});

it("a file without room among the records must be read below the seal", async () => {
  const { source, from, to } = sourceAndTarget();
  shell(source, "for i in 1 2 3; do head -c 1000 /dev/urandom > $i; done");
  expect(await new Copy(from, to, LATER, 2).live()).toMatchObject({ source: { read: 3000, toRead: 1000 } });
});

it("the time in which a limit delays the reading is reported separately", async () => {
  const { source, from, to } = sourceAndTarget();
  shell(source, "echo small > small");
  const slowly = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 30));
  };
  const { source: figures } = await new Copy(from, to, LATER).live(undefined, slowly);
  expect(figures?.heldMs).toBeGreaterThanOrEqual(25);
});

it("nothing is reported to a target that does not ask, nor in the final pass", async () => {
  const { source, from, to } = sourceAndTarget();
  shell(source, "echo small > small");
  const copy = new Copy(from, to, LATER);
  expect(await copy.live(undefined, undefined, { figures: false })).not.toHaveProperty("source");
  expect(await copy.final()).not.toHaveProperty("source");
});
