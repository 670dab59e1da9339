import type { Random } from "../../../effects/random.ts";
import type { Draft, LabObject } from "../../store/object.ts";
import type { FieldErrors } from "../errors/field-errors.ts";
import type { SelectableFields } from "../select/field-selector.ts";
import type { LabUser } from "../request.ts";
import type { Column } from "../kubectl/columns/column.ts";

/** What rules can read in addition to the object. */
export interface RuleContext {
  readonly now: number;
  readonly random: Random;
  readonly user: LabUser;
  /** An object of another kind; undefined when it is not there. `collection` as in KindRow. */
  read(collection: string, namespace: string | undefined, name: string): LabObject | undefined;
  /** All objects of another kind, of one namespace or of all. */
  list(collection: string, namespace?: string): LabObject[];
}

/**
 * The rules that the API server has for one kind, in addition to those for all kinds. Every method
 * is optional.
 */
export interface KindRules {
  /**
   * Drops the unknown fields of a decoded body and returns their paths, for kinds whose fields are
   * not in the recorded type.
   */
  readonly prune?: (draft: Record<string, unknown>) => readonly string[];
  /** Fills in what was left out: on every write, before anything else. */
  defaults?(draft: Draft): void;
  /** Admission and what the server sets itself, on creation only. */
  create?(draft: Draft, context: RuleContext): void;
  /** What a write to the object itself cannot change is put back (status has been already). */
  update?(draft: Draft, before: LabObject, context: RuleContext): void;
  /** A write to the status has taken the spec from before; what else it keeps. */
  status?(draft: Draft, before: LabObject, context: RuleContext): void;
  /** On creation and update; `before` is undefined on creation. */
  validate?(draft: Draft, errors: FieldErrors, before?: LabObject): void;
  /** On update of the status. */
  validateStatus?(draft: Draft, errors: FieldErrors, before: LabObject): void;
  /** On update of the object itself. */
  validateUpdate?(draft: Draft, before: LabObject, errors: FieldErrors): void;
  /** Admission of an update of the object itself, after its validation. Throws a 403. */
  admitUpdate?(draft: Draft, before: LabObject, context: RuleContext): void;
  /** Throws for an object that may not be deleted. */
  refuseDeletion?(object: LabObject): void;
  /**
   * Seconds that a deletion waits for confirmation (by the kubelet). Without this rule objects are
   * removed at once.
   */
  gracePeriod?(object: LabObject, asked: number | undefined): number;
}

/** Converts between the stored and the served form of a kind (events). */
export interface Converter {
  /** The kind they are kept as. */
  readonly stored: KindRow;
  toStored(body: Record<string, unknown>): Record<string, unknown>;
  fromStored(object: LabObject): LabObject;
}

/** The recorded type of every custom object: its spec and status may be anything. */
export const CUSTOM_OBJECT = "custom.Object";

/** One kind of object that the lab serves. */
export interface KindRow {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  /** In `kubectl get all`. */
  readonly inAll: boolean;
  /** The recorded Go type. */
  readonly type: string;
  /** Where its objects are kept: `plural` or `plural.group`. */
  readonly collection: string;
  readonly subresources: readonly Subresource[];
  /** How the name must look. */
  readonly names: "subdomain" | "label" | "path";
  /** metadata.generation counts changes of what is neither metadata nor status. */
  readonly generation: boolean;
  /** PUT of what is not there creates it. */
  readonly createOnUpdate: boolean;
  /** PUT must carry a resourceVersion. */
  readonly conditionalUpdate: boolean;
  /** DELETE answers the object instead of a Status when it is gone at once. */
  readonly returnsDeleted: boolean;
  /** The status is dropped on creation and set by `/status` only. Nodes come with theirs. */
  readonly statusOnCreate: boolean;
  readonly fields: SelectableFields;
  readonly columns: readonly Column[];
  readonly rules: KindRules;
  readonly convert: Converter | undefined;
}

export type Subresource = "status" | "scale" | "binding" | "eviction" | "log" | "token" | "finalize";
