import { expect, it } from "vitest";
import { z } from "zod";
import { keyedBy } from "../kinds/fields.ts";
import { structural } from "./structural.ts";

const of = (field: z.ZodType): unknown =>
  structural("test", z.strictObject({ field: field.describe("A field.") }).describe("All.")).properties?.["field"];

it("leaves out what the API server does by itself", () => {
  expect(structural("test", z.strictObject({}).describe("All."))).toEqual({
    description: "All.",
    type: "object",
    properties: {},
  });
});

it("keeps bounds of integers that say something", () => {
  const integer = { description: "A field.", type: "integer", format: "int64" };
  expect(of(z.int())).toEqual(integer);
  expect(of(z.int().min(1).max(9))).toEqual({ ...integer, minimum: 1, maximum: 9 });
});

it("checks times by their format alone", () => {
  expect(of(z.iso.datetime({ offset: true }))).toEqual({
    description: "A field.",
    type: "string",
    format: "date-time",
  });
});

it("keeps defaults, and does not require what has one", () => {
  const schema = structural("test", z.strictObject({ a: z.string().default("x").describe("A.") }).describe("All."));
  expect(schema.properties?.["a"]).toEqual({ description: "A.", type: "string", default: "x" });
  expect(schema.required).toBeUndefined();
});

it("gives a literal a type", () => {
  expect(of(z.literal("x"))).toEqual({ description: "A field.", type: "string", enum: ["x"] });
});

it("keeps maps of strings, and the key of a list", () => {
  expect(of(z.record(z.string(), z.string()))).toMatchObject({ additionalProperties: { type: "string" } });
  const items = z.strictObject({ name: z.string().describe("Its name.") });
  expect(of(z.array(items).meta(keyedBy("name")))).toMatchObject({
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
  });
});

it.each([
  ["a union", z.union([z.string(), z.int()])],
  ["a union of objects", z.union([z.strictObject({}), z.strictObject({})])],
  ["anything", z.unknown()],
  ["null", z.string().nullable()],
  ["a bound that is not one", z.int().gt(3)],
])("refuses %s", (_, field) => {
  expect(() => of(field)).toThrow("test.field");
});

it("refuses a field without a description, also in a list", () => {
  const item = z.strictObject({ name: z.string() });
  expect(() => structural("test", z.strictObject({ a: z.string() }).describe("All."))).toThrow(
    "test.a: no description",
  );
  expect(() => of(z.array(item))).toThrow("test.field[].name: no description");
});
