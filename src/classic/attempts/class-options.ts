import type { StorageClass } from "../../kube/kinds.ts";
import type { Log } from "../../observe/log.ts";
import { parseGoBool } from "../go/bool.ts";
import { PARAMETERS } from "../names.ts";

/** What a StorageClass says to this driver. */
export interface ClassOptions {
  /** "" for none. */
  readonly nodePath: string;
  /**
   * undefined for the default directory name; "" is a pattern, too (one that every check refuses).
   */
  readonly pathPattern: string | undefined;
  readonly allowUnsafePathPattern: boolean;
  /** "" for the hostname label. */
  readonly nodeAffinityKey: string;
  readonly patterns: { readonly [K in "user" | "group" | "perm"]: string | undefined };
}

/**
 * Reads a class. A parameter wins over the annotation of the same name, which exists because
 * parameters cannot be edited.
 */
export function classOptionsOf(storageClass: StorageClass, log?: Log): ClassOptions {
  const parameters = storageClass.parameters ?? {};
  const annotations = storageClass.metadata?.annotations ?? {};
  const pattern = (name: string): string | undefined => own(parameters, name) ?? own(annotations, name);
  return {
    nodePath: own(parameters, PARAMETERS.nodePath) ?? "",
    pathPattern: own(parameters, PARAMETERS.pathPattern),
    allowUnsafePathPattern: allowUnsafe(parameters, annotations, log),
    nodeAffinityKey: own(parameters, PARAMETERS.nodeAffinityKey) ?? "",
    patterns: {
      user: pattern(PARAMETERS.userPattern),
      group: pattern(PARAMETERS.groupPattern),
      perm: pattern(PARAMETERS.permPattern),
    },
  };
}

type Texts = Readonly<Record<string, string>>;

/** A parameter that is set decides, even if it cannot be parsed. */
function allowUnsafe(parameters: Texts, annotations: Texts, log: Log | undefined): boolean {
  const parameter = own(parameters, PARAMETERS.allowUnsafePathPattern);
  const text = parameter ?? own(annotations, PARAMETERS.allowUnsafePathPattern);
  if (text === undefined) return false;
  const value = parseGoBool(text);
  if (value !== undefined) return value;
  const what = parameter === undefined ? "allow-unsafe-path-pattern annotation" : "allowUnsafePathPattern";
  log?.warn(
    `failed to parse ${what} ${text}, defaulting to false: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
  return false;
}

function own(texts: Texts, key: string): string | undefined {
  return Object.hasOwn(texts, key) ? texts[key] : undefined;
}
