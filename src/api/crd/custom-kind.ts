import type { z } from "zod";
import type { Resource } from "../../kube/resource.ts";

/** Everything the API server must know about one of our kinds. */
export interface CustomKind {
  readonly resource: Resource;
  /** The first thing `kubectl explain` prints: what one object is, and who writes it. */
  readonly description: string;
  readonly spec: z.ZodType;
  readonly specRequired: boolean;
  readonly status: z.ZodType;
  readonly shortNames: readonly string[];
  /** The columns that `kubectl get` prints after the name. The age column is added at the end. */
  readonly columns: readonly Column[];
  /** Paths that field selectors may name, such as `.spec.nodeName`. */
  readonly selectableFields: readonly string[];
  readonly rules: readonly Rule[];
}

export interface Column {
  readonly name: string;
  readonly jsonPath: string;
  readonly type: "string" | "integer" | "date";
  /** Only with `-o wide`. */
  readonly wide?: boolean;
}

/**
 * A CEL rule that an object must satisfy. A rule with `oldSelf` is evaluated only when an object is
 * updated.
 *
 * The API server estimates the worst-case cost of a rule and refuses the CRD when it is too high.
 * An optional (`self.?field`) loses the field's maxLength, so comparing two of them has no cost
 * limit. Use `has(self.field)` in rules.
 */
export interface Rule {
  /** What `self` is: the whole object, or its spec. */
  readonly of: "object" | "spec";
  /** The field that the error message names, relative to `of`; empty for a field of metadata. */
  readonly field: string;
  readonly rule: string;
  /** What the user reads: a sentence. */
  readonly message: string;
  /**
   * A CEL expression for a message that depends on the object. If it fails, `message` is used.
   */
  readonly messageExpression?: string;
}

/** The rule for a required field of the spec that must never change. */
export function neverChanges(field: string): Rule {
  return {
    of: "spec",
    field: `.${field}`,
    rule: `self.${field} == oldSelf.${field}`,
    message: `${field} never changes.`,
  };
}
