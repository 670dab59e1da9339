/**
 * Resolves as soon as `condition` is true. It checks once per turn of the event loop, and rejects
 * with `what` after `limitMs` of real time. For tests that wait for a real socket.
 */
export async function eventually(what: string, condition: () => boolean, limitMs = 120_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`did not happen within ${limitMs} ms: ${what}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
