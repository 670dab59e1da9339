/**
 * In which half of a template's life an error was found: while its text was read, while it ran over
 * a claim, or because it uses something of Go's templates that there is not here.
 */
export type TemplatePhase = "parse" | "exec" | "unsupported";

/** What is wrong with a template, with the place: `template: <name>:<line>…: …`, as Go says it. */
export class TemplateError extends Error {
  readonly phase: TemplatePhase;

  constructor(phase: TemplatePhase, message: string) {
    super(message);
    this.name = "TemplateError";
    this.phase = phase;
  }
}

/** An error whose place the caller adds: of a function, or of a value that has no such field. */
export class ValueError extends Error {
  override readonly name: string = "ValueError";
}

/** Go would go on here. We do not, rather than render something else than it does. */
export class UnsupportedError extends ValueError {
  override readonly name = "UnsupportedError";

  constructor(what: string) {
    super(`${what} is not supported in patterns; docs/classic.md lists what is`);
  }
}
