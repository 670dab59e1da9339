import type { Kube } from "../../kube/kube.ts";

/**
 * A Kube that sends a request only when the one before has been answered: client-go's event
 * broadcaster writes with one goroutine, so events never take more than one place in a client's
 * queue.
 */
export function oneAtATime(kube: Kube): Kube {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(send: () => Promise<T>): Promise<T> => {
    const mine = last.then(send);
    last = mine.catch(() => undefined);
    return mine;
  };
  return {
    request: (request) => inTurn(() => kube.request(request)),
    stream: (request) => kube.stream(request),
  };
}
