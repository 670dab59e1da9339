// What differs from run to run is replaced by what must be the same: a version by its rank among
// the versions of the case, a uid by the number of its first appearance, a time by a word. So
// relations are kept (a version that grew, a uid that stayed) and values are not.
//
//   "resourceVersion": "4711"   "v2": the second lowest that an object of this case was seen with
//   of a list or bookmark "list 1", "list 2": in the order of their values; "stale" where an object
//   was seen with a higher one before, "ahead" where one
//                               was made afterwards, or came in the watch after the bookmark, whose
//                               version is not higher
//   "uid": "1f0c…"              "uid 1", wherever it stands, in names and messages too
//   "2026-11-25T03:40:00Z" "<time>", "<microtime>"; times that a case makes up itself are long ago,
//   and stay
//   the run's own id            "RUN"
//   "127.0.0.1:41234"           "127.0.0.1:<port>": the webhook's
//   managedFields               nothing: the lab has none
//   the condition Unused        nothing: it comes to a claim a moment after it is bound
//   "…\n@@ -1,6 +1,6 @@\n…"     nothing: what the lab does not append to "spec is immutable"
import type { Course, Exchange } from "./record.ts";

/**
 * What one case has seen, with everything volatile replaced. `run` is the id in all names of the
 * run.
 */
export function withoutVolatile(course: Course, run: string): Exchange[] {
  const { exchanges } = course;
  const versions = new Versions(course);
  const words = new Words(run, exchanges);
  return exchanges.map((exchange) => replaced(exchange, versions, words) as Exchange);
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function replaced(value: unknown, versions: Versions, words: Words): unknown {
  if (typeof value === "string") return words.of(value);
  if (Array.isArray(value)) return value.map((item: unknown) => replaced(item, versions, words));
  if (!isObject(value)) return value;
  const result: Json = {};
  for (const [key, item] of Object.entries(value)) {
    if (key === "managedFields") continue;
    if (key === "conditions" && Array.isArray(item) && item.every(isUnused)) continue;
    // Texts from Kubernetes' documentation, which the lab leaves empty.
    if (key === "columnDefinitions") result[key] = withoutDescriptions(item);
    else if (key === "resourceVersion" && typeof item === "string" && item !== "")
      result[key] = versions.of(value, item);
    else if (key === "continue" && typeof item === "string" && item !== "") result[key] = "<continue>";
    else if (key === "token" && typeof item === "string" && item.length > 20) result[key] = "<token>";
    else result[words.of(key)] = replaced(item, versions, words);
  }
  return result;
}

function isUnused(condition: unknown): boolean {
  return isObject(condition) && condition["type"] === "Unused";
}

function withoutDescriptions(columns: unknown): unknown {
  if (!Array.isArray(columns)) return columns;
  return columns.map((column: unknown) => (isObject(column) ? { ...column, description: "" } : column));
}

/**
 * Ranks of versions. A version belongs to an object if its metadata has a name or uid, else to a
 * list or a bookmark.
 */
class Versions {
  readonly #objects: readonly number[];
  readonly #lists: readonly number[];
  readonly #stale = new Set<Json>();
  /** Whoever goes on from there misses something. */
  readonly #ahead: ReadonlySet<Json>;

  constructor(course: Course) {
    const { exchanges } = course;
    const objects = new Set<number>();
    const lists = new Set<number>();
    visit(exchanges, (owner, version) => {
      if (isOfObject(owner)) {
        objects.add(version);
        return;
      }
      lists.add(version);
      if ([...objects].some((seen) => seen > version)) this.#stale.add(owner);
    });
    const ascending = (a: number, b: number): number => a - b;
    this.#objects = [...objects].sort(ascending);
    this.#lists = [...lists].sort(ascending);
    this.#ahead = new Set([...aheadOfWhatWasMade(course), ...exchanges.flatMap(aheadOfTheirWatch)]);
  }

  of(owner: Json, text: string): string {
    const version = Number(text);
    if (!/^\d+$/.test(text) || version < 1) return text;
    if (isOfObject(owner)) return `v${String(this.#objects.indexOf(version) + 1)}`;
    if (this.#stale.has(owner)) return "stale";
    if (this.#ahead.has(owner)) return "ahead";
    return `list ${String(this.#lists.indexOf(version) + 1)}`;
  }
}

/** Lists and bookmarks after which something was made whose version is not higher. */
function aheadOfWhatWasMade({ received, made }: Course): Json[] {
  return received.flatMap((value, index) => {
    const next = Math.min(...made.filter(({ after }) => after > index).map(({ version }) => Number(version)));
    return listsFrom(next, value);
  });
}

/** Bookmarks after which the same watch has told of something whose version is not higher. */
function aheadOfTheirWatch(exchange: Exchange): Json[] {
  if (!("events" in exchange)) return [];
  const { events } = exchange;
  return events.flatMap((event, index) => {
    if (!isObject(event) || event["type"] !== "BOOKMARK") return [];
    let next = Infinity;
    visit(events.slice(index + 1), (owner, version) => {
      if (isOfObject(owner)) next = Math.min(next, version);
    });
    return listsFrom(next, event);
  });
}

/** What in it has a version of a list or a bookmark that is not lower. */
function listsFrom(next: number, value: unknown): Json[] {
  const found: Json[] = [];
  visit(value, (owner, version) => {
    if (!isOfObject(owner) && version >= next) found.push(owner);
  });
  return found;
}

function isOfObject(metadata: Json): boolean {
  return metadata["uid"] !== undefined || metadata["name"] !== undefined;
}

function visit(value: unknown, found: (owner: Json, version: number) => void): void {
  if (Array.isArray(value)) for (const item of value) visit(item, found);
  if (!isObject(value)) return;
  const version = value["resourceVersion"];
  if (typeof version === "string" && /^[1-9]\d*$/.test(version)) found(value, Number(version));
  for (const item of Object.values(value)) visit(item, found);
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** Of this century's second quarter: what a server writes today. */
const TIME = /\b20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g;
const AGE = /^\d+(s|m\d+s)$/;
const CLUSTER_IP = /\b10\.\d+\.\d+\.\d+\b/g;
const WEBHOOK = /\b127\.0\.0\.1:\d{5}\b/g;
const TOKEN_VOLUME = /kube-api-access-[a-z0-9]{5}/g;
const VERSION_IN_TEXT = /(resource ?version[^\d&]{0,40}|current: |resource version: <version> \()\d+/gi;
/** What a real server appends to "spec is immutable": the difference, in a form of its own. */
const DIFFERENCE = /\n@@ [^\n]*\n(?:[ +-][^\n]*\n)*/g;

/** Texts: names, messages, times. */
class Words {
  readonly #run: string;
  readonly #uids = new Map<string, string>();
  readonly #generated: readonly { name: string; prefix: string }[];

  constructor(run: string, exchanges: readonly Exchange[]) {
    this.#run = run;
    this.#generated = generatedNames(exchanges);
  }

  of(text: string): string {
    if (AGE.test(text)) return "<age>";
    let result = text;
    for (const { name, prefix } of this.#generated) result = result.replaceAll(name, `${prefix}<generated>`);
    return result
      .replace(UUID, (uid) => this.#uid(uid))
      .replace(TIME, (_all, fraction: string | undefined) => (fraction === undefined ? "<time>" : "<microtime>"))
      .replace(CLUSTER_IP, "<ip>")
      .replace(WEBHOOK, "127.0.0.1:<port>")
      .replace(TOKEN_VOLUME, "kube-api-access-<generated>")
      .replace(VERSION_IN_TEXT, "$1<version>")
      .replace(VERSION_IN_TEXT, "$1<version>")
      .replace(DIFFERENCE, "")
      .replaceAll(this.#run, "RUN");
  }

  #uid(uid: string): string {
    let known = this.#uids.get(uid);
    if (known === undefined) this.#uids.set(uid, (known = `uid ${String(this.#uids.size + 1)}`));
    return known;
  }
}

/** Names that a server has made of a prefix. */
function generatedNames(exchanges: readonly Exchange[]): { name: string; prefix: string }[] {
  const found = new Map<string, string>();
  const look = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) look(item);
    if (!isObject(value)) return;
    const { name, generateName } = value;
    if (typeof name === "string" && typeof generateName === "string" && generateName !== "") {
      const prefix = name.slice(0, -5);
      if (generateName.startsWith(prefix)) found.set(name, prefix);
    }
    for (const item of Object.values(value)) look(item);
  };
  look(exchanges);
  return [...found].map(([name, prefix]) => ({ name, prefix }));
}
