const SIMPLE = new Map([
  ["a", "\x07"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
  ["\\", "\\"],
  ['"', '"'],
]);
/** The other way round: how a character is written in quotes. */
export const ESCAPED: ReadonlyMap<string, string> = new Map([...SIMPLE].map(([letter, char]) => [char, `\\${letter}`]));
const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([^xuU0-7]))?/g;

/**
 * The text of a string literal, "quoted" or `raw`. Undefined where an escape is malformed;
 * "byte" where it is half of a character: texts are whole characters here, not bytes.
 */
export function unquote(literal: string): { readonly text: string } | "byte" | undefined {
  const inner = literal.slice(1, -1);
  if (literal.startsWith("`")) return { text: inner.replaceAll("\r", "") };
  let fault: "byte" | "malformed" | undefined;
  const text = inner.replace(
    ESCAPE,
    (_all, hex?: string, short?: string, long?: string, octal?: string, char?: string) => {
      const byte =
        hex === undefined ? (octal === undefined ? undefined : Number.parseInt(octal, 8)) : Number.parseInt(hex, 16);
      const digits = short ?? long;
      const code = byte ?? (digits === undefined ? undefined : Number.parseInt(digits, 16));
      const known =
        code === undefined ? SIMPLE.get(char ?? "") : isCharacter(code) ? String.fromCodePoint(code) : undefined;
      if (known === undefined || (byte !== undefined && byte > 0xff)) fault = "malformed";
      else if (byte !== undefined && byte > 0x7f) fault ??= "byte";
      return known ?? "";
    },
  );
  return fault === "malformed" ? undefined : (fault ?? { text });
}

function isCharacter(code: number): boolean {
  return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}
