import { fromText, toText, type Bytes } from "./bytes/utf8.ts";
import { TemplateError } from "./error.ts";
import { Run } from "./execute/run.ts";
import { type MissingKey, Scope } from "./execute/scope.ts";
import { PREDEFINED } from "./functions/predefined.ts";
import { Budget } from "./limits.ts";
import { parseTemplates, type Templates } from "./parse/parser.ts";
import type { GoValue } from "./values/values.ts";

export interface TemplateOptions {
  /** What `.Labels.missing` gives: `<no value>` (default), the empty string (zero), or an error. */
  readonly missingKey?: MissingKey;
}

/**
 * Reads a template in the language of Go's text/template, without functions beyond the predefined ones.
 *
 * @param name stands in error messages; the original calls its path pattern `pathPattern`.
 * @throws TemplateError where the text is no template.
 */
export function compileTemplate(name: string, text: string, options: TemplateOptions = {}): Template {
  const source = fromText(text);
  const templates = inText(() => parseTemplates(fromText(name), source, (known) => PREDEFINED.has(known)));
  return new Template(fromText(name), source, templates, options.missingKey ?? "default");
}

/** A template that has been read. It can be executed any number of times. */
export class Template {
  readonly #name: Bytes;
  readonly #source: Bytes;
  readonly #templates: Templates;
  readonly #missingKey: MissingKey;

  /** Use compileTemplate. */
  constructor(name: Bytes, source: Bytes, templates: Templates, missingKey: MissingKey) {
    this.#name = name;
    this.#source = source;
    this.#templates = templates;
    this.#missingKey = missingKey;
  }

  /**
   * Renders the template over the data. Bytes that are no UTF-8, which slicing can leave, become U+FFFD, as they would
   * on their way into a PersistentVolume.
   *
   * @throws TemplateError where Go would fail, and where a limit of limits.ts is reached.
   */
  execute(data: GoValue): string {
    const root = this.#templates.get(this.#name) ?? { kind: "list", at: 0, nodes: [] };
    const scope = new Scope(this.#name, this.#source, this.#missingKey, new Budget(), data);
    return inText(() => toText(new Run(scope, this.#templates).all(root, data)));
  }
}

/** Inside, messages are byte strings like everything else. */
function inText<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof TemplateError) throw new TemplateError(error.phase, toText(error.message));
    throw error;
  }
}
