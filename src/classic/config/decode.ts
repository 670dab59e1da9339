import { GoJsonError, type GoJson } from "./go-json.ts";

/** config.json as it was written, before any rule is applied. */
export interface ConfigData extends ClassConfigData {
  readonly cmdTimeoutSeconds: number;
  readonly setupCommand: string;
  readonly teardownCommand: string;
  readonly storageClassConfigs: ReadonlyMap<string, ClassConfigData> | null;
}

export interface ClassConfigData {
  /** `null` elements are kept: they are refused later, with their index. */
  readonly nodePathMap: readonly (NodePathData | null)[] | null;
  readonly sharedFileSystemPath: string;
}

export interface NodePathData {
  readonly node: string;
  readonly paths: readonly string[] | null;
}

/**
 * Puts JSON into the configuration as Go's encoding/json puts it into the original's structs: keys match whatever their case (an exact match first), unknown ones are
 * ignored, the last of several wins, null leaves a value alone, a wrong type is an error with the place and the type's name.
 */
export function decodeConfig(json: GoJson): ConfigData {
  if (json.kind === "null") return EMPTY;
  if (json.kind !== "object") throw mismatch(json, "Go value", "main.ConfigData");
  const data = { ...EMPTY, storageClassConfigs: null as Map<string, ClassConfigData> | null };
  const own = "ConfigData";
  const embedded = "ConfigData.StorageClassConfigData";
  for (const [key, value] of json.members) {
    switch (field(key, CONFIG_FIELDS)) {
      case "cmdTimeoutSeconds":
        data.cmdTimeoutSeconds = int(value, data.cmdTimeoutSeconds, `${own}.cmdTimeoutSeconds`);
        break;
      case "setupCommand":
        data.setupCommand = string(value, data.setupCommand, `${own}.setupCommand`);
        break;
      case "teardownCommand":
        data.teardownCommand = string(value, data.teardownCommand, `${own}.teardownCommand`);
        break;
      case "nodePathMap":
        data.nodePathMap = nodePathMap(value, `${embedded}.nodePathMap`);
        break;
      case "sharedFileSystemPath":
        data.sharedFileSystemPath = string(value, data.sharedFileSystemPath, `${embedded}.sharedFileSystemPath`);
        break;
      case "storageClassConfigs":
        data.storageClassConfigs = classes(value, data.storageClassConfigs, `${own}.storageClassConfigs`);
        break;
      case undefined:
        break;
    }
  }
  return data;
}

const EMPTY: { -readonly [K in keyof ConfigData]: ConfigData[K] } = {
  cmdTimeoutSeconds: 0,
  setupCommand: "",
  teardownCommand: "",
  nodePathMap: null,
  sharedFileSystemPath: "",
  storageClassConfigs: null,
};

const CLASS_FIELDS = ["nodePathMap", "sharedFileSystemPath"] as const;
const CONFIG_FIELDS = [
  "cmdTimeoutSeconds",
  "setupCommand",
  "teardownCommand",
  ...CLASS_FIELDS,
  "storageClassConfigs",
] as const;
const NODE_FIELDS = ["node", "paths"] as const;

function field<const F extends string>(key: string, fields: readonly F[]): F | undefined {
  return fields.find((name) => name === key) ?? fields.find((name) => fold(name) === fold(key));
}

/** Go folds by Unicode's simple rules: besides letters' cases, the long s and the Kelvin sign equal s and k. */
function fold(text: string): string {
  return text.replaceAll("\u017f", "s").replaceAll("\u212a", "k").toLowerCase();
}

function classes(
  value: GoJson,
  before: Map<string, ClassConfigData> | null,
  at: string,
): Map<string, ClassConfigData> | null {
  if (value.kind === "null") return null;
  if (value.kind !== "object") throw mismatch(value, at, "map[string]main.StorageClassConfigData");
  const all = new Map(before);
  for (const [name, config] of value.members) all.set(name, classConfig(config, at));
  return all;
}

function classConfig(value: GoJson, at: string): ClassConfigData {
  const data: { -readonly [K in keyof ClassConfigData]: ClassConfigData[K] } = {
    nodePathMap: null,
    sharedFileSystemPath: "",
  };
  if (value.kind === "null") return data;
  if (value.kind !== "object") throw mismatch(value, at, "main.StorageClassConfigData");
  // Go names the struct that holds the field, but spells the path from the top.
  const path = at.replace(/^ConfigData/, "StorageClassConfigData");
  for (const [key, inner] of value.members) {
    const name = field(key, CLASS_FIELDS);
    if (name === "nodePathMap") data.nodePathMap = nodePathMap(inner, `${path}.nodePathMap`);
    if (name === "sharedFileSystemPath") {
      data.sharedFileSystemPath = string(inner, data.sharedFileSystemPath, `${path}.sharedFileSystemPath`);
    }
  }
  return data;
}

function nodePathMap(value: GoJson, at: string): (NodePathData | null)[] | null {
  if (value.kind === "null") return null;
  if (value.kind !== "array") throw mismatch(value, at, "[]*main.NodePathMapData");
  return value.items.map((item) => nodePaths(item, at));
}

function nodePaths(value: GoJson, at: string): NodePathData | null {
  if (value.kind === "null") return null;
  if (value.kind !== "object") throw mismatch(value, at, "main.NodePathMapData");
  const path = at.replace(/^[A-Za-z]+/, "NodePathMapData");
  let node = "";
  let paths: string[] | null = null;
  for (const [key, inner] of value.members) {
    const name = field(key, NODE_FIELDS);
    if (name === "node") node = string(inner, node, `${path}.node`);
    if (name === "paths") paths = strings(inner, `${path}.paths`);
  }
  return { node, paths };
}

function strings(value: GoJson, at: string): string[] | null {
  if (value.kind === "null") return null;
  if (value.kind !== "array") throw mismatch(value, at, "[]string");
  return value.items.map((item) => string(item, "", at));
}

function string(value: GoJson, before: string, at: string): string {
  if (value.kind === "null") return before;
  if (value.kind !== "string") throw mismatch(value, at, "string");
  return value.value;
}

function int(value: GoJson, before: number, at: string): number {
  if (value.kind === "null") return before;
  if (value.kind !== "number") throw mismatch(value, at, "int");
  const whole = /^-?\d+$/.test(value.text) ? BigInt(value.text) : undefined;
  if (whole === undefined || whole !== BigInt.asIntN(64, whole)) {
    throw new GoJsonError(`json: cannot unmarshal number ${value.text} into Go struct field ${at} of type int`);
  }
  return Number(whole);
}

function mismatch(value: GoJson, at: string, type: string): GoJsonError {
  const into = at === "Go value" ? `${at} of type ${type}` : `Go struct field ${at} of type ${type}`;
  return new GoJsonError(`json: cannot unmarshal ${value.kind} into ${into}`);
}
