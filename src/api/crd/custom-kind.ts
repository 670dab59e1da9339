import type { z } from "zod";
import type { Resource } from "../../kube/resource.ts";

/** Everything the API server must know of one of our kinds. */
export interface CustomKind {
  readonly resource: Resource;
  /** The first thing `kubectl explain` prints: what one object is, and who writes it. */
  readonly description: string;
  readonly spec: z.ZodType;
  readonly specRequired: boolean;
  readonly status: z.ZodType;
  readonly shortNames: readonly string[];
  /** What `kubectl get` prints after the name; the age follows by itself. */
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
 * What must be true of an object, in CEL. A rule with `oldSelf` is looked at when an object
 * changes.
 *
 * The API server estimates what a rule costs at worst and refuses the CRD when that is too much. An
 * optional (`self.?field`) loses the field's maxLength, and a comparison of two then costs without
 * bound: rules say `has(self.field)`.
 */
export interface Rule {
  /** `self` is the whole object, or its spec. */
  readonly of: "object" | "spec";
  /** The field that the refusal names, relative to `of`; empty for a field of metadata. */
  readonly field: string;
  readonly rule: string;
  /** What the user reads: a sentence. */
  readonly message: string;
  /**
   * A CEL expression in place of the message where it can say more. Should it fail, the message is
   * used.
   */
  readonly messageExpression?: string;
}

/** A required field of the spec that keeps its first value. */
export function neverChanges(field: string): Rule {
  return {
    of: "spec",
    field: `.${field}`,
    rule: `self.${field} == oldSelf.${field}`,
    message: `${field} never changes.`,
  };
}
