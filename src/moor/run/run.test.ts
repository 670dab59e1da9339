import { describe, expect, test } from "vitest";
import { KubeError } from "../../kube/errors.ts";
import { moveErrors } from "../../move/errors.ts";
import { explained } from "../cluster/failures.ts";
import { moorErrors } from "../errors.ts";
import type { MoorEffects } from "./effects.ts";
import { exitCodeAfter } from "./run.ts";

const told: string[] = [];
const effects = {
  tell: (line: string) => told.push(line),
  signal: new AbortController().signal,
} as unknown as MoorEffects;

async function codeOf(error: unknown): Promise<number> {
  told.length = 0;
  return await exitCodeAfter(effects, () => Promise.reject(error as Error));
}
const answer = (code: number): KubeError => new KubeError({ code, reason: "", message: "in the server's words" });

describe("exit codes", () => {
  test.each<[string, unknown, number]>([
    ["a claim that is not there", moorErrors.CLAIM_MISSING({ claim: "a", namespace: "b" }), 3],
    ["no answer", explained(answer(0)), 5],
    ["401", explained(answer(401)), 4],
    ["403", explained(answer(403)), 4],
    ["another refusal", explained(answer(422)), 1],
    ["what a move would never do", moveErrors.TARGET_IS_SOURCE({ node: "a" }), 6],
    ["a move that was cancelled", moorErrors.MOVE_CANCELLED({ move: "m", why: "w" }), 6],
    ["time that is up", moorErrors.TIMED_OUT({ seconds: 1, what: "w" }), 7],
    ["a fault of ours", new Error("fault"), 1],
  ])("%s", async (_title, error, code) => {
    expect(await codeOf(error)).toBe(code);
  });

  test("the message, what helps and the code go to standard error", async () => {
    await codeOf(explained(answer(403)));
    expect(told).toEqual([
      "moor: the API server does not allow this: in the server's words",
      "Ask an administrator for the right that the message names. docs/moor.md lists what each command reads and writes. (MOOR_FORBIDDEN)",
    ]);
  });

  test("an interruption is the caller's", async () => {
    const reason = new Error("interrupted");
    const interrupted = { ...effects, signal: AbortSignal.abort(reason) };
    await expect(exitCodeAfter(interrupted, () => Promise.reject(new Error("other")))).rejects.toBe(reason);
  });
});
