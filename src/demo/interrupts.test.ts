import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { manualClock } from "../effects/testing/manual-clock.fixture.ts";
import { Interrupted, Interrupts } from "./interrupts.ts";

function setup() {
  const clock = manualClock();
  const signals = new EventEmitter();
  const exits: number[] = [];
  const interrupts = new Interrupts(clock, signals, (code) => exits.push(code));
  return { clock, signals, exits, interrupts };
}

it("a signal interrupts, with the exit code of a shell", () => {
  const { signals, interrupts } = setup();
  signals.emit("SIGTERM");
  expect(interrupts.signal.reason).toBeInstanceOf(Interrupted);
  expect(interrupts.signal.reason).toMatchObject({ exitCode: 143 });
});

it("a signal that arrives twice, by the terminal and by npm, is one; a later one is impatience", async () => {
  const { clock, signals, exits } = setup();
  signals.emit("SIGINT");
  signals.emit("SIGINT");
  expect(exits).toEqual([]);
  await clock.advance(1_500);
  signals.emit("SIGINT");
  expect(exits).toEqual([130]);
});

it("a signal that was waited for interrupts nothing, also when it arrives twice", async () => {
  const { clock, signals, exits, interrupts } = setup();
  const next = interrupts.next();
  signals.emit("SIGINT");
  signals.emit("SIGINT");
  await next;
  expect([interrupts.signal.aborted, exits]).toEqual([false, []]);
  await clock.advance(1_500);
  signals.emit("SIGINT");
  expect(interrupts.signal.aborted).toBe(true);
});
