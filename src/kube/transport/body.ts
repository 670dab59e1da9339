import type { Dispatcher } from "undici";
import { KubeError } from "../errors.ts";
import { failure, type Call } from "./call.ts";
import { jsonLines } from "./lines.ts";

/** The header of an answer, with the body to come. */
export type Answer = Dispatcher.ResponseData;

/**
 * The whole body. Waits one more turn of the event loop after its end, because only then undici has
 * returned the connection to the pool, and the next request can use it.
 */
export async function wholeText(answer: Answer): Promise<string> {
  const text = await answer.body.text();
  await new Promise((resolve) => setImmediate(resolve));
  return text;
}

/**
 * The JSON of a body; undefined for an empty one. Throws a KubeError (BadResponse) for anything
 * else. `name` is the method and URL.
 */
export function parseJson(name: string, text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const message = `${name}: the answer is not JSON: ${text.slice(0, 100)}; is this the URL of an API server?`;
    throw new KubeError({ code: 0, reason: "BadResponse", message }, { cause: error });
  }
}

/**
 * The JSON documents of an open stream. The connection is closed however the iteration ends, and
 * the call ends when the connection does.
 */
export function documents(call: Call, body: Answer["body"]): AsyncIterable<unknown> {
  body.once("close", () => {
    call.scope.close();
  });
  const iterate = async function* (): AsyncGenerator<unknown, void, void> {
    try {
      yield* jsonLines(body);
    } catch (error) {
      throw failure(call, error);
    } finally {
      body.destroy();
    }
  };
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = iterate();
      return {
        next: () => iterator.next(),
        return: () => {
          // Destroy first: otherwise `return` waits for a `next` that waits for the server.
          body.destroy();
          return iterator.return();
        },
      };
    },
  };
}
