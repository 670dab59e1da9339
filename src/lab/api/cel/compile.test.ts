import { describe, expect, it } from "vitest";
import { compileCel } from "./compile.ts";
import { CelError } from "./operations.ts";
import { UnknownCel } from "./tokens.ts";

const self = { name: "größe", to: "", epoch: 2, list: [{ name: "a" }, { name: "b" }], deep: { here: true } };
const value = (expression: string): unknown => compileCel(expression, ["self"])({ self });

describe("an expression has the value that CEL gives it", () => {
  it.each([
    ["self.epoch == 2", true],
    ["self.epoch != 2", false],
    ["self.epoch >= 2 && self.epoch <= 2", true],
    ["self.epoch > 2 || self.epoch < 2", false],
    ["'B' < 'a'", true],
    ["self.name.size()", 5],
    ["self.list.size()", 2],
    ["self.epoch + 1", 3],
    ["'a' + \"b\"", "ab"],
    ["'1' == 1", false],
    ["self.name in ['x', 'größe']", true],
    ["'a/../b'.split('/').exists(part, part == '..')", true],
    ["self.list.all(one, self.list.exists_one(other, other.name == one.name))", true],
    ["self.list.all(one, one.name == 'a')", false],
    ["[].all(one, false)", true],
    ["[].exists(one, true)", false],
    ["['a', 'a'].exists_one(one, one == 'a')", false],
    ["self.list == self.list", true],
    ["self.deep == self.list", false],
    ["[1, 2] == [1, 2]", true],
    ["[1, 2] == [1]", false],
    ["has(self.to)", true],
    ["has(self.from)", false],
    ["has(self.deep.here)", true],
    ["has(self.deep.there)", false],
    ["!self.deep.here", false],
    ["!!self.deep.here", true],
  ])("%s is %s", (expression, expected) => {
    expect(value(expression)).toBe(expected);
  });
});

describe("operators bind as in CEL", () => {
  it.each([
    ["true || true && false", true],
    ["(true || true) && false", false],
    ["!false == true", true],
    ["1 + 1 == 2", true],
    ["false ? true : true ? false : true", false],
    ["true || false ? 'yes' : 'no'", "yes"],
  ])("%s is %s", (expression, expected) => {
    expect(value(expression)).toBe(expected);
  });
});

describe("either side of a logical operator decides where the other has no value", () => {
  it.each([
    ["self.none || true", true],
    ["true || self.none", true],
    ["self.none && false", false],
    ["self.list.exists(one, one.none || one.name == 'b')", true],
    ["self.list.all(one, one.none && false)", false],
  ])("%s is %s", (expression, expected) => {
    expect(value(expression)).toBe(expected);
  });
});

it.each([
  ["self.none", "no such key: none"],
  ["self.none || false", "no such key: none"],
  ["has(self.none.field)", "no such key: none"],
  ["self.name && true", "no such overload"],
  ["self.epoch < 'a'", "no such overload"],
  ["self.name.all(one, true)", "no such overload"],
])("%s has no value", (expression, message) => {
  expect(() => value(expression)).toThrow(CelError);
  expect(() => value(expression)).toThrow(message);
});

it.each([
  ["self.name.matches('a')", ".matches()"],
  ["size(self.list)", "size"],
  ["self.epoch - 1", ": - 1"],
  ["self.list[0]", "know ["],
  ["self.?name", "know ?"],
  ["1.5", ": 1.5"],
  ["'\\n'", "'\\n'"],
  ["oldSelf.name", "know oldSelf"],
  ["self.list.all(one, true) && one", "know one"],
  ["self.list.map(one, one)", ".map()"],
  ["self.name self", "know self"],
  ["(self.name", "the end"],
  ["", "the end"],
])("%s is refused by its name", (expression, named) => {
  const compile = (): unknown => compileCel(expression, ["self"]);
  expect(compile).toThrow(UnknownCel);
  expect(compile).toThrow(named);
});
