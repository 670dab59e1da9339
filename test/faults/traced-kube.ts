import type { Kube, KubeRequest } from "../../src/kube/kube.ts";
import { KubeError } from "../../src/kube/errors.ts";
import type { Trace } from "./trace.ts";

/**
 * A connection whose requests, answers and events of watches are in the trace. Where no trace is
 * kept it does the same but for the texts: each `await` lets others go first, and a run that failed
 * must fail again when it is repeated with its trace.
 */
export function tracedKube(kube: Kube, process: string, trace: Trace): Kube {
  let numbers = 0;
  const sent = (request: KubeRequest): string => {
    numbers += 1;
    const number = `#${numbers}`;
    const { method, path, query = {}, body } = request;
    trace.add(process, () => `${number} ${method} ${path} ${JSON.stringify(query)} ${JSON.stringify(body) ?? ""}`);
    return number;
  };
  const answered = async <T>(number: string, answer: Promise<T>, text: (value: T) => string): Promise<T> => {
    try {
      const value = await answer;
      trace.add(process, () => `${number} ok ${text(value)}`);
      return value;
    } catch (error) {
      trace.add(process, () => `${number} ${failure(error)}`);
      throw error;
    }
  };
  return {
    request: (request) => answered(sent(request), kube.request(request), (value) => JSON.stringify(value) ?? ""),
    stream: async (request) => {
      const number = sent(request);
      const stream = await answered(number, kube.stream(request), () => "stream");
      return {
        [Symbol.asyncIterator]: () => {
          const iterator = stream[Symbol.asyncIterator]();
          return {
            next: () =>
              answered(number, iterator.next(), ({ done, value }) => (done === true ? "end" : JSON.stringify(value))),
            return: async () => {
              trace.add(process, () => `${number} left`);
              return (await iterator.return?.()) ?? { done: true, value: undefined };
            },
          };
        },
      };
    },
  };
}

function failure(error: unknown): string {
  if (error instanceof KubeError) return `${error.code} ${error.reason} ${error.message}`;
  return error instanceof Error ? `${error.name} ${error.message}` : String(error);
}
