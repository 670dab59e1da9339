// What a path and method mean.
import { methodNotAllowed, noSuchPath, noSuchResource } from "./errors/failure.ts";
import type { KindRow } from "./kinds/kind-row.ts";
import { isServed, kindAt, reviewAt, type ReviewRow } from "./kinds/kinds.ts";
import type { LabRequest } from "./request.ts";
import type { Target } from "./state.ts";
import { isTrue } from "./watch.ts";

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

/** A request for objects. */
export interface ObjectRoute {
  readonly is: "objects";
  readonly verb: Verb;
  readonly target: Target;
  /** "" for the object itself. */
  readonly subresource: string;
}

export type Route =
  | ObjectRoute
  | { readonly is: "review"; readonly verb: "create"; readonly row: ReviewRow; readonly namespace: string | undefined }
  | { readonly is: "other"; readonly verb: string; readonly path: string };

/**
 * Throws a 404 for a path below /api or /apis that is nothing, and a 405 for a method that a
 * collection does not have.
 */
export function routeOf(request: Pick<LabRequest, "method" | "path" | "query">): Route {
  const { method, path } = request;
  const segments = path
    .split("/")
    .filter((segment) => segment !== "")
    .map(decodeURIComponent);
  const [root, ...rest] = segments;
  const core = root === "api";
  if ((!core && root !== "apis") || rest.length < (core ? 2 : 3)) {
    return { is: "other", verb: method.toLowerCase(), path };
  }
  const group = core ? "" : (rest[0] ?? "");
  const [version = "", ...below] = core ? rest : rest.slice(1);
  const namespaced = below[0] === "namespaces" && below.length > 2 && !isNamespaceSubresource(below);
  const namespace = namespaced ? below[1] : undefined;
  const [plural = "", name = "", subresource = "", ...more] = namespaced ? below.slice(2) : below;

  const review = reviewAt(group, version, plural);
  if (review !== undefined && method === "POST") return { is: "review", verb: "create", row: review, namespace };
  const row = kindAt(group, version, plural);
  if (row === undefined && !isServed(group, version)) throw noSuchPath();
  if (row === undefined || more.length > 0 || (namespaced && !row.namespaced)) throw noSuchResource();
  if (subresource !== "" && !served(row, subresource)) throw noSuchResource();
  if (row.namespaced && !namespaced && name !== "") throw noSuchResource();
  const collection = name === "";
  if (collection && (method === "PUT" || method === "PATCH")) throw methodNotAllowed();
  if (collection && row.namespaced && !namespaced && method === "POST") throw methodNotAllowed();
  return { is: "objects", verb: verbOf(request, name), target: { row, namespace, name }, subresource };
}

function isNamespaceSubresource(below: readonly string[]): boolean {
  return below.length === 3 && (below[2] === "status" || below[2] === "finalize");
}

function served(row: KindRow, subresource: string): boolean {
  return (row.subresources as readonly string[]).includes(subresource);
}

function verbOf({ method, query }: Pick<LabRequest, "method" | "query">, name: string): Verb {
  switch (method) {
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return name === "" ? "deletecollection" : "delete";
    default:
      if (name !== "") return "get";
      return isTrue(query["watch"]) ? "watch" : "list";
  }
}
