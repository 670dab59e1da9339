// Strategic merge patch: a merge patch that knows which lists are keyed. What is known comes from
// the recorded Go types: lists with a merge key are merged by it, lists of plain values with the
// merge strategy become the union, all others are replaced. Directives: `$patch: delete | replace |
// merge`, `$deleteFromPrimitiveList/…`, `$setElementOrder/…`, `$retainKeys`.
import { sameJson } from "../../store/object.ts";
import { fieldsOf, type Field, type Shape } from "../../schema/schema.ts";
import { badRequest, Failure } from "../errors/failure.ts";
import { goText } from "../errors/go-text.ts";

type Json = Record<string, unknown>;

const DELETE_FROM = "$deleteFromPrimitiveList/";
const ORDER = "$setElementOrder/";

/**
 * Merges `patch` into an object of the recorded type. Returns a new object; neither argument
 * changes. Throws a 400 for a patch that makes no sense.
 */
export function applyStrategicMerge(type: string, target: Json, patch: unknown): Json {
  if (!isObject(patch)) throw badRequest("a strategic merge patch must be an object");
  return mergeObject({ is: "struct", name: type }, target, patch);
}

function mergeObject(shape: Shape, target: Json, patch: Json): Json {
  const directive = patch["$patch"];
  if (directive === "replace") return withoutDirectives(patch);
  if (directive === "delete") return {};
  if (directive !== undefined && directive !== "merge")
    throw new Failure(500, "", `unknown patch type: ${goText(directive)} in map: ${goText(patch)}`);

  const result: Json = { ...target };
  const retain = patch["$retainKeys"];
  if (Array.isArray(retain)) for (const key of Object.keys(result)) if (!retain.includes(key)) delete result[key];

  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(DELETE_FROM) && Array.isArray(value)) {
      const list = key.slice(DELETE_FROM.length);
      if (Array.isArray(result[list]))
        result[list] = result[list].filter((item) => !value.some((gone) => sameJson(gone, item)));
    }
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith("$")) continue;
    if (value === null) {
      delete result[key];
      continue;
    }
    const field = fieldOf(shape, key);
    result[key] = mergeValue(field, result[key], value);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (!key.startsWith(ORDER) || !Array.isArray(value)) continue;
    const list = key.slice(ORDER.length);
    if (Array.isArray(result[list])) result[list] = ordered(result[list], value, fieldOf(shape, list)?.mergeKey);
  }
  return result;
}

function mergeValue(
  field: Pick<Field, "shape" | "merge" | "mergeKey"> | undefined,
  target: unknown,
  patch: unknown,
): unknown {
  const shape = bare(field?.shape);
  if (isObject(patch)) return mergeObject(shape ?? { is: "any" }, isObject(target) ? target : {}, patch);
  if (!Array.isArray(patch)) return patch;
  const old: unknown[] = Array.isArray(target) ? target : [];
  if (field?.merge !== true) return patch.map((item: unknown) => (isObject(item) ? withoutDirectives(item) : item));
  if (field.mergeKey === undefined) {
    const merged = [...old, ...patch.filter((item) => !old.some((present) => sameJson(present, item)))];
    return inPatchOrder(merged, patch, old, (item) => item);
  }
  const element: Shape = shape?.is === "list" ? (bare(shape.of) ?? { is: "any" }) : { is: "any" };
  return mergeKeyed(element, field.mergeKey, old, patch);
}

function mergeKeyed(element: Shape, key: string, target: readonly unknown[], patch: readonly unknown[]): unknown[] {
  if (patch.some((item) => isObject(item) && item["$patch"] === "replace")) {
    return patch
      .filter((item) => !(isObject(item) && item["$patch"] === "replace" && Object.keys(item).length === 1))
      .map((item) => (isObject(item) ? withoutDirectives(item) : item));
  }
  const result = [...target];
  for (const item of patch) {
    if (!isObject(item)) throw badRequest("a list with a merge key must have objects in it");
    const id = item[key];
    if (id === undefined)
      throw new Failure(500, "", `map: ${goText(item)} does not contain declared merge key: ${key}`);
    const index = result.findIndex((present) => isObject(present) && sameJson(present[key], id));
    if (item["$patch"] === "delete") {
      if (index !== -1) result.splice(index, 1);
    } else if (index === -1) {
      result.push(mergeObject(element, {}, item));
    } else {
      result[index] = mergeObject(element, result[index] as Json, item);
    }
  }
  return inPatchOrder(result, patch, target, (item) => (isObject(item) ? item[key] : item));
}

/**
 * What the patch names comes in the patch's order, and before what it does not name, unless that
 * stood before it already.
 */
function inPatchOrder(
  merged: readonly unknown[],
  patch: readonly unknown[],
  before: readonly unknown[],
  idOf: (item: unknown) => unknown,
): unknown[] {
  const positionIn = (list: readonly unknown[], item: unknown): number =>
    list.findIndex((each) => sameJson(idOf(each), idOf(item)));
  const named = merged
    .filter((item) => positionIn(patch, item) !== -1)
    .sort((a, b) => positionIn(patch, a) - positionIn(patch, b));
  const others = merged.filter((item) => positionIn(patch, item) === -1);
  const result: unknown[] = [];
  while (named.length > 0 && others.length > 0) {
    const position = positionIn(before, named[0]);
    const first = position !== -1 && positionIn(before, others[0]) < position;
    result.push((first ? others : named).shift());
  }
  return [...result, ...named, ...others];
}

/**
 * In the order the patch names; what it does not name keeps its place after what stood before it.
 */
function ordered(list: readonly unknown[], order: readonly unknown[], mergeKey: string | undefined): unknown[] {
  const idOf = (item: unknown): unknown => (mergeKey !== undefined && isObject(item) ? item[mergeKey] : item);
  const named: unknown[] = order
    .map((entry) => list.find((item) => sameJson(idOf(item), idOf(entry))))
    .filter((item) => item !== undefined);
  const result: unknown[] = [...named];
  list.forEach((item, index) => {
    if (result.includes(item)) return;
    const before = list.slice(0, index).findLast((each) => result.includes(each));
    result.splice(before === undefined ? 0 : result.indexOf(before) + 1, 0, item);
  });
  return result;
}

function withoutDirectives(value: Json): Json {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith("$")));
}

function fieldOf(shape: Shape, key: string): Pick<Field, "shape" | "merge" | "mergeKey"> | undefined {
  if (shape.is === "struct") return fieldsOf(shape.name)?.get(key);
  if (shape.is === "map") return { shape: shape.of, merge: false, mergeKey: undefined };
  return undefined;
}

function bare(shape: Shape | undefined): Shape | undefined {
  return shape?.is === "pointer" ? bare(shape.of) : shape;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
