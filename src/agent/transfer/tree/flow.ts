/*
 * Flows are for work that seldom waits. Nearly every call for a small file is synchronous, and an
 * asynchronous generator takes longer for each item than the kernel does. So such work is an
 * ordinary generator. When it must wait, it yields the promise, and goes on once that is settled:
 *
 *   const value = yield* awaited(promise);
 *
 * A rejected promise throws at that line. A caller that stops early ends the generator, which may
 * still wait for calls in progress before it closes its descriptors.
 */

/** Yields items, and between them promises to wait for. An item is never a promise. */
export type Flow<T, R = void> = Generator<T | Promise<void>, R, void>;

/** Waits within a flow. */
export function* awaited<T>(promise: Promise<T>): Flow<never, T> {
  let result: { readonly value: T } | undefined;
  yield promise.then((value) => {
    result = { value };
  });
  if (result === undefined) throw new Error("a flow went on before its promise was settled");
  return result.value;
}

/** Runs a flow to its end. `each` gets every item. If it returns a promise, that is waited for. */
export async function run<T, R>(flow: Flow<T, R>, each: (item: T) => Promise<void> | undefined): Promise<R> {
  let next: IteratorResult<T | Promise<void>, R> | undefined;
  try {
    next = flow.next();
    while (next.done !== true) {
      if (next.value instanceof Promise) next = await resumed(flow, next.value);
      else {
        const wait = each(next.value);
        if (wait !== undefined) await wait;
        next = flow.next();
      }
    }
    return next.value;
  } finally {
    if (next?.done !== true) await ended(flow);
  }
}

/** The items of a flow as an asynchronous generator, for callers to whom speed does not matter. */
export async function* items<T>(flow: Flow<T>): AsyncGenerator<T, void> {
  let next: IteratorResult<T | Promise<void>, void> | undefined;
  try {
    next = flow.next();
    while (next.done !== true) {
      if (next.value instanceof Promise) next = await resumed(flow, next.value);
      else {
        yield next.value;
        next = flow.next();
      }
    }
  } finally {
    if (next?.done !== true) await ended(flow);
  }
}

async function resumed<T, R>(flow: Flow<T, R>, promise: Promise<void>): Promise<IteratorResult<T | Promise<void>, R>> {
  try {
    await promise;
  } catch (error) {
    return flow.throw(error);
  }
  return flow.next();
}

/** Ends a flow early. Its `finally` blocks may still wait. */
async function ended<T, R>(flow: Flow<T, R>): Promise<void> {
  let next = flow.return(undefined as R);
  while (next.done !== true) next = next.value instanceof Promise ? await resumed(flow, next.value) : flow.next();
}

/** Runs `work`, which is a flow too, for each item of a flow. */
export function* through<T, U>(flow: Flow<T>, work: (item: T) => Flow<U>): Flow<U> {
  let next: IteratorResult<T | Promise<void>, void> | undefined;
  try {
    next = flow.next();
    while (next.done !== true) {
      if (next.value instanceof Promise) {
        let failure: { readonly error: unknown } | undefined;
        try {
          yield next.value;
        } catch (error) {
          failure = { error };
        }
        next = failure === undefined ? flow.next() : flow.throw(failure.error);
      } else {
        yield* work(next.value);
        next = flow.next();
      }
    }
  } finally {
    if (next?.done !== true) yield* awaited(ended(flow));
  }
}

/** The items of an asynchronous generator as a flow. */
export function* flowOf<T>(generator: AsyncGenerator<T, void>): Flow<T> {
  let isDone = false;
  try {
    for (;;) {
      const next = yield* awaited(generator.next());
      isDone = next.done === true;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // A generator that has failed has ended too. Then `return` does nothing more.
    if (!isDone) yield* awaited(generator.return());
  }
}
