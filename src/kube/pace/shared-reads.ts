/**
 * Uncached reads that several callers share.
 *
 * A caller needs a read that began after the caller's own last step. So callers share a read that
 * has not begun yet, but never join one that is already under way.
 */
export class SharedReads<T> {
  readonly #request: (key: string) => Promise<T>;
  readonly #lines = new Map<string, { running: Promise<unknown>; next: Promise<T> | undefined }>();

  /** @param request Sends one read; its rejection is that of every caller it serves. */
  constructor(request: (key: string) => Promise<T>) {
    this.#request = request;
  }

  /** The value of the key, from a request that begins after this call. */
  read(key: string): Promise<T> {
    const line = this.#lines.get(key);
    if (line === undefined) return this.#begin(key);
    line.next ??= line.running.then(() => this.#begin(key));
    return line.next;
  }

  #begin(key: string): Promise<T> {
    const read = this.#request(key);
    const line = { running: read.catch(() => undefined) as Promise<unknown>, next: undefined };
    this.#lines.set(key, line);
    void line.running.then(() => {
      if (this.#lines.get(key) === line && line.next === undefined) this.#lines.delete(key);
    });
    return read;
  }
}
