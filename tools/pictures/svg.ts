/* A terminal as an SVG picture: text on a dark ground, which fits a light and a dark page. */

/** How wide every picture is, in characters. What is longer is wrapped. */
export const COLUMNS = 120;

const CHARACTER = 8.4;
const LINE = 20;
const MARGIN = 16;
const FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace";
const GROUND = "#0d1117";

/** A colour for each line that matches, or for the part that does. */
const COLOURS: readonly (readonly [pattern: RegExp, colour: string])[] = [
  [/^\$ .*/, "#7ee787"],
  [/^# .*/, "#8b949e"],
  [/^(?:CLAIM|VOLUME|NODE|MOVE) +.*/, "#8b949e"],
  [/\[#*-*\] +\d+%/, "#79c0ff"],
  [/^ *(?:Blocked|What helps|Why)\b.*/, "#ffa657"],
  [/^Node .* is drained: .*/, "#7ee787"],
];
const PLAIN = "#e6edf3";

/** The picture of these lines. `title` is what is read out in its place. */
export function pictureOf(title: string, lines: readonly string[]): string {
  const shown = lines.flatMap((line) => wrapped(line));
  const width = Math.ceil(COLUMNS * CHARACTER) + 2 * MARGIN;
  const height = shown.length * LINE + 2 * MARGIN;
  const text = shown.map(({ text: one, colour }, index) => {
    const y = MARGIN + LINE * index + 14;
    return `  <text x="${String(MARGIN)}" y="${String(y)}" fill="${colour ?? PLAIN}">${inColours(one, colour)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(width)} ${String(height)}" width="${String(width)}" height="${String(height)}" role="img" xml:space="preserve">`,
    `  <title>${escaped(title)}</title>`,
    `  <style>text { font: 14px ${FONT} }</style>`,
    `  <rect width="100%" height="100%" rx="8" fill="${GROUND}"/>`,
    ...text,
    "</svg>",
    "",
  ].join("\n");
}

/** The lines that pictureOf() was given, wrapped as it has wrapped them. */
export function linesIn(svg: string): string[] {
  return [...svg.matchAll(/<text [^>]*>(.*)<\/text>/g)].map(([, line = ""]) =>
    line
      .replace(/<[^>]*>/g, "")
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&amp;", "&"),
  );
}

interface Shown {
  readonly text: string;
  /** Of the whole line, also where it goes on. */
  readonly colour: string | undefined;
}

function wrapped(line: string): Shown[] {
  const colour = COLOURS.find(([pattern]) => line.match(pattern)?.[0] === line)?.[1];
  const indent = `${/^ */.exec(line)?.[0] ?? ""}  `;
  const shown: string[] = [];
  let rest = line;
  while (rest.length > COLUMNS) {
    const space = rest.lastIndexOf(" ", COLUMNS);
    const end = space > indent.length ? space : COLUMNS;
    shown.push(rest.slice(0, end));
    rest = `${indent}${rest.slice(end).trimStart()}`;
  }
  return [...shown, rest].map((text) => ({ text, colour }));
}

function inColours(text: string, whole: string | undefined): string {
  if (whole !== undefined) return escaped(text);
  for (const [pattern, colour] of COLOURS) {
    const [part] = pattern.exec(text) ?? [];
    if (part === undefined) continue;
    const at = text.indexOf(part);
    const [before, after] = [text.slice(0, at), text.slice(at + part.length)];
    return `${escaped(before)}<tspan fill="${colour}">${escaped(part)}</tspan>${escaped(after)}`;
  }
  return escaped(text);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
