/**
 * Resolves as soon as `condition` is true, looking once per turn of the event loop; rejects with
 * `what` after `limitMs` of real time. For tests that wait for a real socket: it ends when the
 * thing has happened, and never sleeps.
 */
export async function eventually(what: string, condition: () => boolean, limitMs = 120_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`did not happen within ${limitMs} ms: ${what}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
