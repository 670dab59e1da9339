// Finds comment lines that are too wide to read. Prettier wraps code and leaves comments alone.

/** Columns that a comment line may take, its indentation included. */
export const WIDEST_COMMENT = 100;

/** The numbers (from 1) of the comment lines that are too wide. */
export function wideComments(source: string): readonly number[] {
  const wide: number[] = [];
  let inBlock = false;
  for (const [index, line] of source.split("\n").entries()) {
    const text = line.trim();
    const isComment = inBlock || text.startsWith("//") || text.startsWith("/*");
    if (!isComment) continue;
    // A line comment may quote the beginning or the end of a block comment.
    if (inBlock || !text.startsWith("//")) inBlock = !text.includes("*/");
    if (line.length > WIDEST_COMMENT && canWrap(text)) wide.push(index + 1);
  }
  return wide;
}

export interface CheckedFile {
  readonly path: string;
  readonly source: string;
}

/** One complaint for each wide line; none when all is well. Generated files may be as they are. */
export function complaintsAbout(files: readonly CheckedFile[]): readonly string[] {
  return files
    .filter(({ source }) => !isGenerated(source))
    .flatMap(({ path, source }) =>
      wideComments(source).map(
        (line) => `${path}:${String(line)} is a comment of more than ${String(WIDEST_COMMENT)} columns`,
      ),
    );
}

/** A single word (a link, a path) has no place to break; a linter's directive must stay whole. */
function canWrap(text: string): boolean {
  const words = text.split(/\s+/).filter((word) => !/^(\/\/+|\/?\*+\/?)$/.test(word));
  return words.length > 1 && !/^(oxlint|eslint)-/.test(words[0] ?? "");
}

function isGenerated(source: string): boolean {
  return source.slice(0, 400).includes("@generated");
}
