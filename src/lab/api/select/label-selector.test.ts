import { describe, expect, it } from "vitest";
import { Failure } from "../errors/failure.ts";
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

  it.each([
    ["a in (b", "unable to parse requirement: found '', expected: ',' or ')'"],
    ["a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ["=x", "found '=', expected: !, identifier, or 'end of string'"],
    ["a=b=c", "found '=', expected: ',' or 'end of string'"],
    ["a,", "found '', expected: identifier after ','"],
    ["a=-b", 'unable to parse requirement: values[0][a]: Invalid value: "-b": a valid label must'],
    ["-a=b", 'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist'],
    ["a>b", "for 'Gt', 'Lt' operators, the value must be an integer"],
  ])("is refused as %s", (text, why) => {
    expect(() => parseLabelSelector(text)).toThrow(Failure);
    expect(() => parseLabelSelector(text)).toThrow(why);
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
