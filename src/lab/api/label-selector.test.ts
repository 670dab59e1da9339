import { describe, expect, it } from "vitest";
import { Failure } from "./failure.ts";
import { formatLabelSelector, labelTest, parseLabelSelector } from "./label-selector.ts";

const labels = { app: "web", tier: "front", "example.com/x": "" };

describe("a label selector", () => {
  it.each([
    ["", true],
    ["app=web", true],
    ["app==web,tier!=back", true],
    ["app!=web", false],
    ["other!=web", true],
    ["app in (web, db),tier", true],
    ["app notin (web,db)", false],
    ["other notin (web)", true],
    ["example.com/x=", true],
    ["example.com/x", true],
    ["!app", false],
    ["!other", true],
  ])("%s", (text, expected) => {
    expect(parseLabelSelector(text)(labels)).toBe(expected);
  });

  it.each(["a in (b", "a b", "=x", "a=b=c", "a=-b", "-a=b"])("is refused as %s", (text) => {
    expect(() => parseLabelSelector(text)).toThrow(Failure);
    expect(() => parseLabelSelector(text)).toThrow("unable to parse requirement");
  });

  it("that is not there selects nothing, and an empty one everything", () => {
    expect(labelTest(undefined)(labels)).toBe(false);
    expect(labelTest({})(labels)).toBe(true);
  });

  it("of a spec is written as text", () => {
    const selector = { matchLabels: { b: "1" }, matchExpressions: [{ key: "a", operator: "In", values: ["y", "x"] }] };
    expect(formatLabelSelector(selector)).toBe("a in (x,y),b=1");
    expect(labelTest(selector)({ a: "x", b: "1" })).toBe(true);
  });
});
