import type { PersistentVolumeClaim } from "../../kube/kinds.ts";
import { messageOf } from "../../observe/errors.ts";
import type { ClassOptions } from "../attempts/class-options.ts";
import { classicErrors } from "../errors.ts";
import { isLocal, join } from "./paths.ts";

/**
 * Renders a Go template over a claim: `name` is the template's own name in its errors, `missingKey`
 * what an absent label does.
 */
export type Render = (
  name: string,
  pattern: string,
  about: { readonly volumeName: string; readonly claim: PersistentVolumeClaim },
  missingKey?: "error",
) => string;

/** The volume, claim and class options that decide the name and the owner of a directory. */
export interface DirectoryRequest {
  readonly volumeName: string;
  readonly claim: PersistentVolumeClaim;
  readonly options: ClassOptions;
}

/** The volume's directory below the base path, as text; join it with `join`, which cleans it. */
export function directoryName(request: DirectoryRequest, render: Render): string {
  const { namespace = "", name = "" } = request.claim.metadata ?? {};
  const pattern = request.options.pathPattern;
  if (pattern === undefined) return `${request.volumeName}_${namespace}_${name}`;

  let text: string;
  try {
    text = render("pathPattern", pattern, request);
  } catch (error) {
    throw classicErrors.PATH_PATTERN({ pattern, why: messageOf(error) }, { cause: error });
  }
  if (request.options.allowUnsafePathPattern) return text;
  if (!text.startsWith(`${join(namespace, name)}/`)) {
    const error = classicErrors.PATH_PREFIX({ path: text });
    // The original reports this one from inside the rendering, so it is wrapped like a template
    // error.
    throw classicErrors.PATH_PATTERN({ pattern, why: error.message }, { cause: error });
  }
  if (!isLocal(text) || !isPlain(text)) throw classicErrors.PATH_REFERENCES({ path: text });
  return text;
}

/**
 * Stricter than the original, which looks only whether the cleaned path climbs out of the base
 * directory: `ns/name/../../other/victim` does not. Nobody's path has such segments on purpose;
 * they come from a label or annotation that the claim's author chose, or (`<no value>`) forgot.
 */
function isPlain(text: string): boolean {
  if (text.includes("\0") || text.includes("<no value>")) return false;
  const segments = (text.endsWith("/") ? text.slice(0, -1) : text).split("/");
  return segments.every((segment) => segment !== "" && segment !== "." && segment !== "..");
}

/**
 * Owner and mode of the directory as the class wants them; "" where it says nothing. They are only
 * handed to the script.
 */
export interface Ownership {
  readonly user: string;
  readonly group: string;
  readonly perm: string;
}

/** For a directory that is removed. */
export const NOBODY: Ownership = { user: "", group: "", perm: "" };

export function ownershipOf(request: DirectoryRequest, render: Render): Ownership {
  const rendered = (what: "user" | "group" | "perm"): string => {
    const pattern = request.options.patterns[what];
    if (pattern === undefined) return "";
    try {
      return trim(render("dataPattern", pattern, request, "error"));
    } catch (error) {
      throw classicErrors.DATA_PATTERN({ what, pattern, why: messageOf(error) }, { cause: error });
    }
  };
  return { user: rendered("user"), group: rendered("group"), perm: rendered("perm") };
}

/**
 * Go's strings.TrimSpace: U+0085 is white space there, U+FEFF is not; JavaScript has it the other
 * way round.
 */
function trim(text: string): string {
  const space = "[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
  return text.replace(new RegExp(`^${space}+`, "u"), "").replace(new RegExp(`${space}+$`, "u"), "");
}
