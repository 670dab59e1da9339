import { z } from "zod";
import { type Json, JsonError } from "../go/json.ts";

const paths = z.array(z.string().nullable()).transform((all) => all.map((path) => path ?? ""));
const entry = z.object({ node: z.string().default(""), paths: paths.nullable().default(null) });
const nodePathMap = z.array(entry.nullable()).nullable().default(null);

const classConfig = z.object({ nodePathMap, sharedFileSystemPath: z.string().default("") });

const namedClass = classConfig.nullable().transform((data) => data ?? classConfig.parse({}));
const classes = z
  .record(z.string(), namedClass)
  .transform((all): ReadonlyMap<string, ClassConfigData> => new Map(Object.entries(all)));

const config = classConfig.extend({
  cmdTimeoutSeconds: z.number().refine(Number.isInteger, "must be a whole number").default(0),
  /** Ours; 0 when it is not given. */
  helpersPerNode: z.number().refine(Number.isInteger, "must be a whole number").default(0),
  setupCommand: z.string().default(""),
  teardownCommand: z.string().default(""),
  storageClassConfigs: classes.nullable().default(null),
});

/** config.json as it was written, before any rule is applied. */
export type ConfigData = Readonly<z.output<typeof config>>;
/** `null` elements of nodePathMap are kept: they are refused later, with their index. */
export type ClassConfigData = Readonly<z.output<typeof classConfig>>;

/** Keys whose value is one string or number: null keeps the value of an earlier duplicate. */
const SCALARS: readonly string[] = [
  "cmdTimeoutSeconds",
  "helpersPerNode",
  "setupCommand",
  "teardownCommand",
  "sharedFileSystemPath",
  "node",
];
const KEYS: readonly string[] = [...SCALARS, "nodePathMap", "storageClassConfigs", "paths"];

/**
 * Puts JSON into the configuration as Go puts it into the original's structs: keys match whatever
 * their case, unknown ones are ignored, the last of several wins, classes are merged, null leaves a
 * string or number unchanged. Throws JsonError with key and line.
 */
export function decodeConfig(json: Json): ConfigData {
  if (json.kind === "scalar" && json.value === null) return config.parse({});
  const lines = new Map<string, number>();
  const { data, error } = config.safeParse(plain(json, [], lines));
  if (data !== undefined) return data;
  const [issue] = error.issues;
  const path = issue?.path.join(".") ?? "";
  throw new JsonError(
    `line ${lines.get(path) ?? json.line}${path === "" ? "" : `, ${path}`}: ${issue?.message.replace("expected record", "expected object") ?? "?"}`,
  );
}

/**
 * The value as JSON.parse would give it, with the keys as they are written in the documentation.
 */
function plain(json: Json, path: readonly string[], lines: Map<string, number>): unknown {
  lines.set(path.join("."), json.line);
  if (json.kind === "scalar") return json.value;
  if (json.kind === "array") return json.items.map((item, index) => plain(item, [...path, String(index)], lines));
  const isClasses = path.length === 1 && path[0] === "storageClassConfigs";
  const out = new Map<string, unknown>();
  for (const [key, inner] of json.members) {
    const name = isClasses ? key : KEYS.find((known) => fold(known) === fold(key));
    if (name === undefined) continue;
    if (SCALARS.includes(name) && !isClasses && inner.kind === "scalar" && inner.value === null) continue;
    const value = plain(inner, [...path, name], lines);
    out.set(name, name === "storageClassConfigs" ? gathered(out.get(name), value) : value);
  }
  return Object.fromEntries(out);
}

/** A second storageClassConfigs adds its classes to those of the first. */
function gathered(before: unknown, value: unknown): unknown {
  const areObjects = [before, value].every((one) => typeof one === "object" && one !== null && !Array.isArray(one));
  return areObjects ? Object.assign({}, before, value) : value;
}

/**
 * Go folds by Unicode's simple rules: besides letters' cases, the long s and the Kelvin sign equal
 * s and k.
 */
function fold(text: string): string {
  return text.replaceAll("\u017f", "s").replaceAll("\u212a", "k").toLowerCase();
}
