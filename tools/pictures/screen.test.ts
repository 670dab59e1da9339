import { expect, test } from "vitest";
import { screenAt, screensOf } from "./screen.ts";

const UP = (lines: number): string => `\u001b[${String(lines)}A\r\u001b[J`;

test("a redraw takes the place of what was there, and each screen before one is kept", () => {
  const output = `a note\r\n\u001b[Jone\r\n  two\r\n${UP(2)}three\r\n${UP(1)}four\r\nend\r\n`;
  expect(screensOf(output)).toEqual([
    ["a note", "one", "  two"],
    ["a note", "three"],
    ["a note", "four", "end"],
  ]);
});

test("a sequence that is not known is an error, not a wrong picture", () => {
  expect(() => screensOf("\u001b[2B")).toThrow("sequence that is not known here: B");
});

test("the screen is the one whose slowest copy is nearest to the wanted percentage", () => {
  const screen = (...percents: number[]): string[] => percents.map((one) => `c  [##---]  ${String(one)}%  1 of 2`);
  const [early, middle, late] = [screen(10, 60), screen(55, 80), screen(90, 95)];
  expect(screenAt([["no copy"], early, middle, late], 60)).toBe(middle);
  expect(() => screenAt([["no copy"]], 60)).toThrow("no screen shows a copy");
});
