// Validation errors of an object's fields, with the messages of apimachinery
// (pkg/util/validation/field), and the 422 that reports them.
import { Failure, type Cause, type Named } from "./failure.ts";

const BLOCKS_RULES = new Set([
  "FieldValueRequired",
  "FieldValueNotSupported",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);

/**
 * Collects field errors. Paths are written as Kubernetes writes them: `spec.containers[0].image`.
 */
export class FieldErrors {
  readonly #causes: Required<Cause>[] = [];

  get found(): boolean {
    return this.#causes.length > 0;
  }

  required(field: string, detail = ""): void {
    this.#add("FieldValueRequired", field, "Required value", detail);
  }

  invalid(field: string, value: unknown, detail: string): void {
    this.#add("FieldValueInvalid", field, `Invalid value: ${printed(value)}`, detail);
  }

  /** A violated CEL rule. Its cause does not show the value. */
  brokenRule(field: string, message: string): void {
    this.#add("FieldValueInvalid", field, "Invalid value", message);
  }

  /** A value of another type: `given` is the name of its type, or the text of another format. */
  typeInvalid(field: string, given: string, detail: string): void {
    this.#add("FieldValueTypeInvalid", field, `Invalid value: ${printed(given)}`, detail);
  }

  forbidden(field: string, detail: string): void {
    this.#add("FieldValueForbidden", field, "Forbidden", detail);
  }

  duplicate(field: string, value: unknown): void {
    this.#add("FieldValueDuplicate", field, `Duplicate value: ${printed(value)}`, "");
  }

  notFound(field: string, value: unknown): void {
    this.#add("FieldValueNotFound", field, `Not found: ${printed(value)}`, "");
  }

  notSupported(field: string, value: unknown, supported: readonly string[]): void {
    const all = supported.map((each) => JSON.stringify(each)).join(", ");
    this.#add("FieldValueNotSupported", field, `Unsupported value: ${printed(value)}`, `supported values: ${all}`);
  }

  tooLong(field: string, limit: number): void {
    this.#add("FieldValueTooLong", field, "Too long", `may not be more than ${String(limit)} bytes`);
  }

  tooMany(field: string, count: number, limit: number): void {
    this.#add("FieldValueTooMany", field, `Too many: ${String(count)}`, `must have at most ${String(limit)} items`);
  }

  /** Whether an error was found that stops a real server from evaluating CEL rules. */
  get blocksRules(): boolean {
    return this.#causes.some(({ reason }) => BLOCKS_RULES.has(reason));
  }

  /** For the few errors that a server throws bare, as an Internal one: `field: what`. */
  throwBareIfFound(): void {
    if (this.found) throw new Failure(500, "", this.#text());
  }

  /** Throws the 422 if there are errors. */
  throwIfFound(kind: Pick<Named, "group" | "kind">, name: string): void {
    if (!this.found) return;
    const all = this.#text();
    const qualified = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
    throw new Failure(422, "Invalid", `${qualified} "${name}" is invalid: ${all}`, {
      ...(name === "" ? {} : { name }),
      ...(kind.group === "" ? {} : { group: kind.group }),
      ...(kind.kind === "" ? {} : { kind: kind.kind }),
      causes: this.#causes,
    });
  }

  #text(): string {
    const texts = [...new Set(this.#causes.map(({ field, message }) => `${field}: ${message}`))];
    return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
  }

  #add(reason: string, field: string, what: string, detail: string): void {
    this.#causes.push({ reason, message: detail === "" ? what : `${what}: ${detail}`, field });
  }
}

function printed(value: unknown): string {
  return value === undefined ? "null" : JSON.stringify(value);
}
