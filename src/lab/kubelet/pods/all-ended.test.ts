import { expect, test } from "vitest";
import { allEnded } from "./all-ended.ts";

test("a failure is thrown only after everything else has ended", async () => {
  let end = (): void => undefined;
  const late = new Promise<void>((resolve) => {
    end = resolve;
  });
  let over = false;
  const all = allEnded([Promise.reject(new Error("first")), late]).catch((error: unknown) => {
    over = true;
    return error;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(over).toBe(false);
  end();
  expect(await all).toEqual(new Error("first"));
});

test("gives the results in their order", async () => {
  expect(await allEnded([Promise.resolve(1), Promise.resolve(2)])).toEqual([1, 2]);
});
