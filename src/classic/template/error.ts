/** In which half of a template's life an error was found: while its text was read, or while it ran over data. */
export type TemplatePhase = "parse" | "exec";

/**
 * What is wrong with a template, in the words Go's text/template would use (`template: <name>:<line>:<column>: …`), so
 * that events and logs look as they did with the original. Limits of this interpreter (limits.ts) are reported the same way.
 */
export class TemplateError extends Error {
  readonly phase: TemplatePhase;

  constructor(phase: TemplatePhase, message: string) {
    super(message);
    this.name = "TemplateError";
    this.phase = phase;
  }
}

/** An error that a Go function or method would return, or the message of its panic: the caller adds where it happened. */
export class GoError extends Error {
  override readonly name = "GoError";
}
