import { KubeError } from "../errors.ts";

/**
 * The longest line in UTF-16 units. An object has at most 1.5 MB in etcd and somewhat more as JSON,
 * so a longer line is not a watch event.
 */
const LONGEST_LINE = 32 * 1024 * 1024;

/**
 * The JSON documents of a newline-delimited stream, one at a time: the next chunk is read only when
 * the documents before it were taken. Chunks may be cut anywhere, in the middle of a character too.
 * Throws a KubeError (BadResponse) for a line that is not JSON, and when the stream ends inside
 * one.
 */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown, void, void> {
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  for await (const chunk of chunks) {
    const searchFrom = rest.length;
    rest += decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = rest.indexOf("\n", searchFrom); end !== -1; end = rest.indexOf("\n", start)) {
      const line = rest.slice(start, end);
      start = end + 1;
      if (line.trim() !== "") yield parse(line);
    }
    rest = rest.slice(start);
    if (rest.length > LONGEST_LINE) throw bad(`a line is longer than ${LONGEST_LINE} characters`);
  }
  rest += decoder.decode();
  if (rest.trim() !== "") yield parse(rest);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (error) {
    throw bad(`a line of the stream is not JSON: ${line.slice(0, 100)}`, error);
  }
}

function bad(message: string, cause?: unknown): KubeError {
  return new KubeError({ code: 0, reason: "BadResponse", message }, { cause });
}
