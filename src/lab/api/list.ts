// Lists: from now, from an exact version, or page by page from the version of the first page. A continue token holds that version and the last key; when the
// version is forgotten the answer is 410 with a token that goes on from now, as upstream.
import type { LabObject } from "../store/object.ts";
import { Compacted } from "../store/store.ts";
import { badRequest, Failure, tooLargeVersion } from "./failure.ts";
import { FieldErrors } from "./field-errors.ts";
import type { Target, State } from "./state.ts";
import { keyOf, prefixOf } from "./state.ts";
import { selectionOf } from "./select.ts";

export interface Listed {
  readonly items: readonly LabObject[];
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

interface Token {
  readonly v: "meta.k8s.io/v1";
  /** The version of the first page; -1: whatever is now. */
  readonly rv: number;
  readonly start: string;
}

const EXPIRED =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.";
const EXPIRED_INCONSISTENT =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

export function listObjects(state: State, target: Target, query: Readonly<Record<string, string>>): Listed {
  const { store } = state;
  const { row } = target;
  const selection = selectionOf(row, query);
  const anyVersion = query["resourceVersion"] === "0" && (query["continue"] ?? "") === "";
  // "Any version" is answered from the cache, which does not page.
  const limit = anyVersion ? 0 : Number(query["limit"] ?? "0");
  if (!Number.isInteger(limit) || limit < 0) throw badRequest(`limit must be a whole number: ${query["limit"] ?? ""}`);
  const token = query["continue"] === undefined || query["continue"] === "" ? undefined : readToken(query["continue"]);
  const at = versionOf(state, query, token);

  let all: LabObject[];
  try {
    all = store.list(row.collection, prefixOf(target), at);
  } catch (error) {
    if (!(error instanceof Compacted)) throw error;
    throw expiredList(token);
  }
  const start = token === undefined ? 0 : all.findIndex((object) => keyOfListed(target, object) > token.start);
  const rest = start === -1 ? [] : start === 0 ? all : all.slice(start);
  const version = token !== undefined && token.rv === -1 ? store.version : at;
  if (limit === 0) {
    const items = selection === undefined ? rest : rest.filter(selection);
    return { items, resourceVersion: String(version) };
  }
  return page(target, rest, selection, limit, version);
}

function page(
  target: Target,
  rest: readonly LabObject[],
  selection: ((object: LabObject) => boolean) | undefined,
  limit: number,
  version: number,
): Listed {
  const items: LabObject[] = [];
  let looked = 0;
  for (const object of rest) {
    if (items.length === limit) break;
    looked++;
    if (selection?.(object) ?? true) items.push(object);
  }
  const last = rest[looked - 1];
  if (looked >= rest.length || last === undefined) return { items, resourceVersion: String(version) };
  return {
    items,
    resourceVersion: String(version),
    continue: writeToken({ v: "meta.k8s.io/v1", rv: version, start: keyOfListed(target, last) }),
    // Upstream counts keys, which says nothing once a selector is in play.
    ...(selection === undefined ? { remainingItemCount: rest.length - looked } : {}),
  };
}

/** Which version the list is to show. */
function versionOf(state: State, query: Readonly<Record<string, string>>, token: Token | undefined): number {
  const { store } = state;
  const asked = query["resourceVersion"] ?? "";
  const match = query["resourceVersionMatch"] ?? "";
  checkMatch(asked, match, token);
  if (token !== undefined) return token.rv === -1 ? store.version : token.rv;
  if (asked === "" || asked === "0") return store.version;
  const version = parseVersion(asked);
  if (version > store.version) throw tooLargeVersion(asked, store.version);
  // A limit alone means the exact version to a server without a cache, but "not older" to one with: the latter is the rule today.
  return match === "Exact" ? version : store.version;
}

function checkMatch(asked: string, match: string, token: Token | undefined): void {
  const errors = new FieldErrors();
  if (match !== "") {
    if (asked === "")
      errors.forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided");
    else if (token !== undefined)
      errors.forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided");
    else if (match !== "Exact" && match !== "NotOlderThan")
      errors.notSupported("resourceVersionMatch", match, ["Exact", "NotOlderThan", ""]);
    else if (match === "Exact" && asked === "0")
      errors.forbidden("resourceVersionMatch", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  }
  errors.throwIfFound({ group: "meta.k8s.io", kind: "ListOptions" }, "");
  if (token !== undefined && asked !== "" && asked !== "0") {
    throw badRequest("specifying resource version is not allowed when using continue");
  }
}

export function parseVersion(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw badRequest(
    `invalid resource version ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

function expiredList(token: Token | undefined): Failure {
  if (token === undefined) return new Failure(410, "Expired", EXPIRED);
  const failure = new Failure(410, "Expired", EXPIRED_INCONSISTENT);
  const next = writeToken({ ...token, rv: -1 });
  return Object.assign(failure, { status: { ...failure.status, metadata: { continue: next } } });
}

function keyOfListed(target: Target, object: LabObject): string {
  return keyOf({ row: target.row, namespace: object.metadata.namespace, name: object.metadata.name ?? "" });
}

function writeToken(token: Token): string {
  return Buffer.from(JSON.stringify(token)).toString("base64url");
}

function readToken(text: string): Token {
  try {
    const token = JSON.parse(Buffer.from(text, "base64url").toString()) as Token;
    if (token.v === "meta.k8s.io/v1" && Number.isInteger(token.rv) && typeof token.start === "string") return token;
  } catch {
    // Not one of ours: said below.
  }
  throw badRequest("continue key is not valid: incorrectly encoded continue token");
}
