/**
 * Uncached reads, of which one serves many callers.
 *
 * A caller needs a read that began after its own earlier step. A read that is waiting to begin
 * serves everybody who asks until it begins; a read that is under way serves nobody new.
 */
export class SharedReads<T> {
  readonly #request: (key: string) => Promise<T>;
  readonly #lines = new Map<string, { running: Promise<unknown>; next: Promise<T> | undefined }>();

  /** @param request Sends one read; its rejection is that of every caller it serves. */
  constructor(request: (key: string) => Promise<T>) {
    this.#request = request;
  }

  /** What is there under the key, by a request that begins after this call. */
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
