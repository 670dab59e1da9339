import { expect, it } from "vitest";
import { DIFFERENCES } from "./differences.ts";
import { POINTS } from "./points.ts";
import { hasRefusal, readRecording } from "./record.ts";
import { TOPICS } from "./topics.ts";

const cases = TOPICS.flatMap(({ name: topic, cases: all }) =>
  all.map((each) => ({ ...each, topic, recorded: readRecording(topic)[each.name] ?? [] })),
);

it.each(Object.entries(POINTS))("point %s has at least two cases, one of them a refusal: %s", (point) => {
  const own = cases.filter((each) => each.point === Number(point));
  expect(own.length).toBeGreaterThanOrEqual(2);
  expect(own.filter(({ recorded }) => hasRefusal(recorded)).length).toBeGreaterThanOrEqual(1);
});

it("every case belongs to a point, has a name of its own, and was recorded", () => {
  expect(cases.filter(({ point }) => POINTS[point] === undefined)).toEqual([]);
  expect(cases.filter(({ recorded }) => recorded.length === 0).map(({ name }) => name)).toEqual([]);
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
});

it("nothing is recorded that no case asks, and no difference is excused that no case shows", () => {
  const names = new Set(cases.map(({ name }) => name));
  const recorded = TOPICS.flatMap(({ name }) => Object.keys(readRecording(name)));
  expect([...recorded, ...Object.keys(DIFFERENCES)].filter((name) => !names.has(name))).toEqual([]);
});
