import { TemplateError, type TemplatePhase, UnsupportedError, ValueError } from "../error.ts";

/** A stretch of a template's text: what a node was read from. */
export interface Span {
  readonly at: number;
  readonly text: string;
}

/** A template's name and text, and the errors about places in it. */
export class Source {
  readonly name: string;
  readonly text: string;

  constructor(name: string, text: string) {
    this.name = name;
    this.text = text;
  }

  /** The text is no template. */
  refuse(at: number, message: string): never {
    throw new TemplateError("parse", `template: ${this.name}:${this.#line(at)}: ${message}`);
  }

  /** The text is a template of Go, but not one of ours. */
  unsupported(at: number, what: string): never {
    this.#withPlace("unsupported", at, new UnsupportedError(what).message);
  }

  /** The template cannot be run over this claim. */
  fail(span: Span, message: string): never {
    this.#withPlace("exec", span.at, `executing "${this.name}" at <${span.text}>: ${message}`);
  }

  /** Runs what may throw a ValueError and gives it the place. */
  guard<T>(span: Span, run: () => T, doing = ""): T {
    try {
      return run();
    } catch (error) {
      if (error instanceof UnsupportedError) this.#withPlace("unsupported", span.at, error.message);
      if (error instanceof ValueError) this.fail(span, `${doing}${error.message}`);
      throw error;
    }
  }

  #withPlace(phase: TemplatePhase, at: number, message: string): never {
    const column = Buffer.byteLength(this.text.slice(this.text.lastIndexOf("\n", at - 1) + 1, at));
    throw new TemplateError(phase, `template: ${this.name}:${this.#line(at)}:${column}: ${message}`);
  }

  #line(at: number): number {
    return this.text.slice(0, at).split("\n").length;
  }
}
