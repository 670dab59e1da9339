/**
 * Halves of surrogate pairs replaced by U+FFFD: a string with one cannot be sent as UTF-8.
 * (String.prototype.toWellFormed is newer than the language level we compile to.)
 */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}
