// RFC 6902, as strict as evanphx/json-patch is in the API server: an operation that does not fit
// the document fails the whole patch with a 422.
import { sameJson, thaw } from "../../store/object.ts";
import { badRequest, unprocessable } from "../errors/failure.ts";

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

type Container = Record<string, unknown> | unknown[];

/**
 * `document` is changed in place. Throws a 400 for what is no patch, a 422 for one that does not
 * fit.
 */
export function applyJsonPatch(document: Record<string, unknown>, patch: unknown): Record<string, unknown> {
  if (!Array.isArray(patch)) {
    throw badRequest(
      "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
    );
  }
  for (const operation of patch as Operation[]) applyOne(document, operation);
  return document;
}

function applyOne(document: Container, operation: Operation): void {
  const { op, path, from, value } = operation;
  switch (op) {
    case "add":
      add(document, path, thaw(value));
      break;
    case "remove":
      remove(document, path);
      break;
    case "replace":
      replace(document, path, thaw(value));
      break;
    case "test":
      // Upstream: a test for null holds where nothing is.
      if (!sameJson(read(document, path) ?? null, value ?? null)) throw unprocessable();
      break;
    case "move": {
      const moved = remove(document, from ?? "");
      add(document, path, moved);
      break;
    }
    case "copy":
      add(document, path, thaw(existing(document, from ?? "")));
      break;
    default:
      throw unprocessable();
  }
}

function add(document: Container, path: string, value: unknown): void {
  const { parent, key } = locate(document, path);
  if (!Array.isArray(parent)) {
    parent[key] = value;
    return;
  }
  const index = key === "-" ? parent.length : indexOf(key);
  if (index > parent.length) throw unprocessable();
  parent.splice(index, 0, value);
}

function remove(document: Container, path: string): unknown {
  const { parent, key } = locate(document, path);
  if (Array.isArray(parent)) {
    const index = indexOf(key);
    if (index >= parent.length) throw unprocessable();
    return parent.splice(index, 1)[0];
  }
  if (!Object.hasOwn(parent, key)) throw unprocessable();
  const value = parent[key];
  delete parent[key];
  return value;
}

function replace(document: Container, path: string, value: unknown): void {
  existing(document, path);
  const { parent, key } = locate(document, path);
  if (Array.isArray(parent)) parent[indexOf(key)] = value;
  else parent[key] = value;
}

function existing(document: Container, path: string): unknown {
  const { parent, key } = locate(document, path);
  const there = Array.isArray(parent) ? indexOf(key) < parent.length : Object.hasOwn(parent, key);
  if (!there) throw unprocessable();
  return Array.isArray(parent) ? parent[indexOf(key)] : parent[key];
}

/** The value at a path; undefined when nothing is there. Its parent must be. */
function read(document: Container, path: string): unknown {
  if (path === "") return document;
  const { parent, key } = locate(document, path);
  return Array.isArray(parent) ? parent[indexOf(key)] : Object.hasOwn(parent, key) ? parent[key] : undefined;
}

function locate(document: Container, path: string): { parent: Container; key: string } {
  if (typeof path !== "string" || !path.startsWith("/")) throw unprocessable();
  const keys = path
    .slice(1)
    .split("/")
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  const key = keys.pop() ?? "";
  let parent: unknown = document;
  for (const step of keys) {
    parent = Array.isArray(parent)
      ? parent[indexOf(step)]
      : Object.hasOwn(parent as object, step)
        ? (parent as Record<string, unknown>)[step]
        : undefined;
    if (typeof parent !== "object" || parent === null) throw unprocessable();
  }
  return { parent: parent as Container, key };
}

function indexOf(key: string): number {
  if (!/^(0|[1-9]\d*)$/.test(key)) throw unprocessable();
  return Number(key);
}
