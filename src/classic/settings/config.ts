import { type CodedError, messageOf } from "../../observe/errors.ts";
import { classicErrors } from "../errors.ts";
import { clean } from "../directory/paths.ts";
import { type ClassConfigData, type ConfigData, decodeConfig } from "./decode.ts";
import { readJson } from "../go/json.ts";

/** A valid configuration. Immutable: a reload makes a new one. */
export interface ClassicConfig {
  /** Seconds a helper pod may take. */
  readonly cmdTimeoutSeconds: number;
  /** Helper pods side by side on one node; undefined when the configuration does not say. */
  readonly helpersPerNode: number | undefined;
  /** Replaces the script `setup`; "" for the script. */
  readonly setupCommand: string;
  readonly teardownCommand: string;
  /** What holds for every class; unused when `classes` is not empty. */
  readonly common: ClassConfig;
  /** By class name; empty when config.json has no storageClassConfigs. */
  readonly classes: ReadonlyMap<string, ClassConfig>;
}

/** Where the volumes of a class lie. */
export interface ClassConfig {
  /** Node name to its base paths, cleaned; a node may have none. */
  readonly nodePaths: ReadonlyMap<string, readonly string[]>;
  /** "" for local volumes. */
  readonly sharedFileSystemPath: string;
}

const DEFAULT_TIMEOUT_SECONDS = 120;

/**
 * Helper pods side by side on one node: enough to keep a kubelet busy, few enough that its other
 * pods still start. A configuration may ask for fewer.
 */
export const MOST_HELPERS_PER_NODE = 16;

/**
 * Where the text of config.json comes from: a file (`--config` ends in .json) or the flag or
 * ConfigMap key itself.
 */
export type ConfigText =
  | { readonly from: "file"; readonly path: string; readonly text: string }
  | { readonly from: "inline"; readonly text: string };

/** Whether the value of `--config` names a file; anything else is the JSON itself. */
export function isConfigFile(flag: string): boolean {
  return flag.endsWith(".json");
}

/**
 * Reads and checks a configuration. Throws CLASSIC_CONFIG_FILE for a bad text,
 * CLASSIC_CONFIG_CANONICALIZATION or CLASSIC_CONFIG_CLASS for a bad rule.
 */
export function parseConfig(source: ConfigText): { readonly data: ConfigData; readonly config: ClassicConfig } {
  const data = decode(source);
  return { data, config: canonicalize(data) };
}

function decode(source: ConfigText): ConfigData {
  try {
    // The original reads only the first value in a file and ignores what follows.
    return decodeConfig(readJson(source.text, source.from === "file" ? "anything" : "nothing"));
  } catch (error) {
    // The original puts the whole of an inline text here, too.
    const file = source.from === "file" ? source.path : source.text;
    throw classicErrors.CONFIG_FILE({ file, why: messageOf(error) }, { cause: error });
  }
}

function canonicalize(data: ConfigData): ClassicConfig {
  const perClass = data.storageClassConfigs ?? new Map<string, ClassConfigData>();
  return {
    cmdTimeoutSeconds: data.cmdTimeoutSeconds > 0 ? data.cmdTimeoutSeconds : DEFAULT_TIMEOUT_SECONDS,
    helpersPerNode: data.helpersPerNode > 0 ? Math.min(data.helpersPerNode, MOST_HELPERS_PER_NODE) : undefined,
    setupCommand: data.setupCommand,
    teardownCommand: data.teardownCommand,
    // With classes of their own the common part is ignored, not even checked.
    common: perClass.size === 0 ? canonicalClass(data) : NOTHING,
    classes: new Map([...perClass].map(([name, config]) => [name, canonicalNamedClass(name, config)])),
  };
}

const NOTHING: ClassConfig = { nodePaths: new Map(), sharedFileSystemPath: "" };

function canonicalNamedClass(storageClass: string, data: ClassConfigData): ClassConfig {
  try {
    return canonicalClass(data);
  } catch (error) {
    throw classicErrors.CONFIG_CLASS({ storageClass, why: messageOf(error) }, { cause: error });
  }
}

function canonicalClass(data: ClassConfigData): ClassConfig {
  const nodePaths = new Map<string, readonly string[]>();
  for (const [index, entry] of (data.nodePathMap ?? []).entries()) {
    if (entry === null) throw wrong(classicErrors.NULL_NODE({ index }));
    if (nodePaths.has(entry.node)) throw wrong(classicErrors.DUPLICATE_NODE({ node: entry.node }));
    nodePaths.set(entry.node, canonicalPaths(entry.node, entry.paths ?? []));
  }
  return { nodePaths, sharedFileSystemPath: data.sharedFileSystemPath };
}

function canonicalPaths(node: string, paths: readonly string[]): readonly string[] {
  const cleaned: string[] = [];
  for (const path of paths) {
    if (path === "") throw wrong(classicErrors.EMPTY_PATH({ node }));
    if (!path.startsWith("/")) throw wrong(classicErrors.RELATIVE_PATH({ path, node }));
    const short = clean(path);
    if (short === "/") throw wrong(classicErrors.ROOT_PATH({ node }));
    if (cleaned.includes(short)) throw wrong(classicErrors.DUPLICATE_PATH({ path, node }));
    cleaned.push(short);
  }
  return cleaned;
}

function wrong(error: CodedError): CodedError {
  return classicErrors.CONFIG_CANONICALIZATION({ why: error.message }, { cause: error });
}

/** By class name; "" applies to every class. */
export function partsOf({ classes, common }: ClassicConfig): readonly (readonly [string, ClassConfig])[] {
  return classes.size === 0 ? [["", common]] : [...classes];
}

/**
 * What is accepted at load, as by the original, although every request will fail: one line for
 * each, for the log.
 */
export function warningsOf(config: ClassicConfig): string[] {
  return partsOf(config).flatMap(([name, part]) => {
    const where = name === "" ? "" : `class ${name}: `;
    const local = part.nodePaths.size > 0;
    const shared = part.sharedFileSystemPath !== "";
    if (local === shared) {
      const error = local ? classicErrors.BOTH_CONFIGURED({}) : classicErrors.NOTHING_CONFIGURED({});
      return [`${where}${error.message}; every request will fail`];
    }
    if (shared && !part.sharedFileSystemPath.startsWith("/")) {
      return [`${where}sharedFileSystemPath ${part.sharedFileSystemPath} is not absolute; every request will fail`];
    }
    if (shared && clean(part.sharedFileSystemPath) === "/") {
      return [`${where}sharedFileSystemPath is the root directory; every volume without a path pattern will fail`];
    }
    return [];
  });
}

/**
 * The configuration as JSON in the order of the original's structs: the text of its debug line, and
 * what is compared to see whether a file has changed.
 */
export function configAsJson(data: ConfigData): string {
  const { storageClassConfigs: classes, nodePathMap, sharedFileSystemPath, ...scalars } = data;
  const sorted = [...(classes ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
  const storageClassConfigs = classes === null ? null : Object.fromEntries(sorted);
  return JSON.stringify({ ...scalars, nodePathMap, sharedFileSystemPath, storageClassConfigs }, withoutEmpty).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Leaves out empty values, like the original's structs, but not empty elements of lists. */
function withoutEmpty(key: string, value: unknown): unknown {
  if (key === "storageClassConfigs" || /^\d+$/.test(key)) return value;
  const isEmpty = value === "" || value === 0 || value === null || (Array.isArray(value) && value.length === 0);
  return isEmpty ? undefined : value;
}
