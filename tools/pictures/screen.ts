/*
 * What a terminal showed, of what a program wrote to it: each screen before the next redraw, and
 * the last one. Knows what `moor` uses: lines, back to the first column, some lines up, and
 * deleting the rest of the screen.
 */
const ESCAPE = "\u001b";
const SEQUENCE = new RegExp(
  String.raw`${ESCAPE}\[(?<count>\d*)(?<what>[A-Z])|(?<end>\r?\n)|\r|(?<text>[^${ESCAPE}\r\n]+)`,
  "gu",
);

export function screensOf(output: string): readonly (readonly string[])[] {
  const screens: (readonly string[])[] = [];
  let lines: string[] = [];
  let row = 0;
  for (const { groups = {} } of output.matchAll(SEQUENCE)) {
    const { count, end, text, what } = groups;
    if (text !== undefined) lines[row] = (lines[row] ?? "") + text;
    else if (end !== undefined) row += 1;
    else if (what === "A") {
      screens.push(lines);
      row = Math.max(0, row - Number(count === "" ? 1 : count));
    } else if (what === "J") lines = lines.slice(0, row);
    else if (what !== undefined) throw new Error(`a terminal's sequence that is not known here: ${what}`);
  }
  return [...screens, lines];
}

/** The screen in which the slowest copy is nearest to this percentage. */
export function screenAt(screens: readonly (readonly string[])[], wanted: number): readonly string[] {
  const copying = screens.flatMap((lines) => {
    const percents = lines.flatMap((line) => /\] +(\d+)%/.exec(line)?.[1] ?? []).map(Number);
    return percents.length === 0 ? [] : [{ lines, off: Math.abs(Math.min(...percents) - wanted) }];
  });
  const [best] = copying.toSorted((a, b) => a.off - b.off);
  if (best === undefined) throw new Error("no screen shows a copy");
  return best.lines;
}
