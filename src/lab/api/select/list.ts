// Lists: from now, from an exact version, or page by page from the version of the first page. A
// continue token holds that version and the last key; when the version is forgotten the answer is
// 410 with a token that goes on from now, as upstream.
import type { LabObject } from "../../store/object.ts";
import { Compacted } from "../../store/store.ts";
import { badRequest, Failure, noNumber, tooLargeVersion } from "../errors/failure.ts";
import { FieldErrors } from "../errors/field-errors.ts";
import type { Target, State } from "../state.ts";
import { keyOf, prefixOf } from "../state.ts";
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

const TOO_OLD = "The resourceVersion for the provided list is too old.";
const EXPIRED_INCONSISTENT =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

export function listObjects(state: State, target: Target, query: Readonly<Record<string, string>>): Listed {
  const { store } = state;
  const { row } = target;
  const selection = selectionOf(row, query);
  const anyVersion = query["resourceVersion"] === "0" && (query["continue"] ?? "") === "";
  // "Any version" is answered from the cache, which does not page.
  const limit = anyVersion ? 0 : limitOf(query);
  if (query["sendInitialEvents"] !== undefined) {
    const errors = new FieldErrors();
    errors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
    errors.throwIfFound({ group: "meta.k8s.io", kind: "ListOptions" }, "");
  }
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
  // A limit alone means the exact version to a server without a cache, but "not older" to one with:
  // the latter is the rule today.
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

/** Throws a 400. */
function parseVersion(text: string): number {
  const version = versionIn(text);
  if (version !== undefined) return version;
  throw badRequest(`invalid resource version: ${badVersion(text)}`);
}

/** Undefined for what is no version. */
export function versionIn(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** What is said of a version that is none. */
export function badVersion(text: string): string {
  return `resourceVersion: Invalid value: ${JSON.stringify(text)}: ${noNumber(text)}`;
}

function limitOf(query: Readonly<Record<string, string>>): number {
  const text = query["limit"] ?? "0";
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(noNumber(text, "ParseInt"));
  return Math.max(Number(text), 0);
}

function expiredList(token: Token | undefined): Failure {
  if (token === undefined) return new Failure(410, "Expired", TOO_OLD);
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
    // Not one of our tokens: reported below.
  }
  const first = Buffer.from(text, "base64url")[0];
  const char = first === undefined ? undefined : goChar(first);
  throw badRequest(
    `invalid continue token: continue key is not valid: ${char === undefined ? "unexpected end of JSON input" : `invalid character ${char} looking for beginning of value`}`,
  );
}

/** A byte as Go quotes it. */
function goChar(byte: number): string {
  const printable = byte >= 0x20 && byte < 0x7f;
  return printable ? `'${String.fromCharCode(byte)}'` : `'\\u${byte.toString(16).padStart(4, "0")}'`;
}
