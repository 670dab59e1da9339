import { createServer } from "node:net";
import { expect, test } from "vitest";
import { freePort } from "./free-port.ts";

test("each port is another one, none that the kernel gives away, and one that is taken is passed over", async () => {
  const first = await freePort();
  const taken = createServer();
  // If somebody else has it already, it is taken as well.
  await new Promise<void>((resolve) => {
    taken.once("error", () => resolve());
    taken.listen(first + 1, "127.0.0.1", resolve);
  });
  const second = await freePort();
  if (taken.listening) await new Promise((resolve) => taken.close(resolve));
  expect([first, second].every((port) => port >= 20_000 && port < 30_000)).toBe(true);
  expect(second).not.toBe(first + 1);
  expect(second).not.toBe(first);
});
