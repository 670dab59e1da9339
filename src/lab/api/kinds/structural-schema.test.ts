import { expect, it } from "vitest";
import type { Structural } from "../../../api/crd/structural.ts";
import { Failure } from "../errors/failure.ts";
import { FieldErrors } from "../errors/field-errors.ts";
import { fillDefaults, prune, validateKeys, validateValue } from "./structural-schema.ts";

const SCHEMA: Structural = {
  type: "object",
  required: ["name"],
  properties: {
    name: { type: "string", maxLength: 3 },
    mode: { type: "string", default: "Copy", enum: ["Copy", "Rebuild"] },
    labels: { type: "object", additionalProperties: { type: "string" } },
    items: {
      type: "array",
      maxItems: 2,
      "x-kubernetes-list-map-keys": ["key"],
      items: { type: "object", properties: { key: { type: "integer", minimum: 1 } } },
    },
  },
};

function complaints(value: unknown): unknown {
  const errors = new FieldErrors();
  validateValue(SCHEMA, value, { field: "status", inBody: "" }, errors);
  validateKeys(SCHEMA, value, "status", errors);
  try {
    errors.throwIfFound({ group: "", kind: "Thing" }, "one");
    return undefined;
  } catch (error) {
    return error instanceof Failure ? error.message.replace('Thing "one" is invalid: status', "") : error;
  }
}

it("unknown fields are dropped at every depth, and keys of maps are not", () => {
  const value = { name: "a", odd: 1, labels: { any: "x" }, items: [{ key: 1, odd: 2 }] };
  expect(prune(SCHEMA, value, "spec")).toEqual(["spec.odd", "spec.items[0].odd"]);
  expect(value).toEqual({ name: "a", labels: { any: "x" }, items: [{ key: 1 }] });
});

it("a default stands in for what is missing or null, and for nothing else", () => {
  const values = [{}, { mode: null }, { mode: "Rebuild" }];
  for (const value of values) fillDefaults(SCHEMA, value);
  expect(values).toEqual([{ mode: "Copy" }, { mode: "Copy" }, { mode: "Rebuild" }]);
});

it.each([
  [{ name: "abc", mode: "Copy", items: [{ key: 1 }, { key: 2 }] }, undefined],
  [{}, ".name: Required value"],
  [{ name: "abcd" }, ".name: Too long: may not be more than 3 bytes"],
  [{ name: 1 }, '.name: Invalid value: "integer": name in body must be of type string: "integer"'],
  [{ name: "a", mode: "No" }, '.mode: Unsupported value: "No": supported values: "Copy", "Rebuild"'],
  [
    { name: "a", items: [{ key: 0 }] },
    ".items[0].key: Invalid value: 0: items[0].key in body should be greater than or equal to 1",
  ],
  [{ name: "a", items: [{ key: 1 }, { key: 1 }] }, '.items[1]: Duplicate value: {"key":1}'],
  [{ name: "a", items: [{ key: 1 }, { key: 2 }, { key: 3 }] }, ".items: Too many: 3: must have at most 2 items"],
])("%j: %s", (value, wanted) => {
  expect(complaints(value)).toBe(wanted);
});
