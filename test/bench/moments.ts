/** When things that are waited for happened first, by name. */
export class Moments {
  readonly #at = new Map<string, number>();
  #changed: () => void = () => undefined;

  /** Notes that it has happened now, unless it has before. */
  mark(name: string): void {
    if (this.#at.has(name)) return;
    this.#at.set(name, performance.now());
    this.#changed();
  }

  /** When it happened; undefined: not yet. */
  of(name: string): number | undefined {
    return this.#at.get(name);
  }

  /** Resolves when all have happened; rejects when `timeoutMs` have passed. */
  async until(names: readonly string[], timeoutMs: number): Promise<void> {
    const missing = new Set(names);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        const [example] = missing;
        reject(
          new Error(`${missing.size} of ${names.length} did not get there in ${timeoutMs / 1000} s: ${example}, …`),
        );
      }, timeoutMs);
      const look = (): void => {
        for (const name of missing) if (this.#at.has(name)) missing.delete(name);
        if (missing.size > 0) return;
        clearTimeout(timer);
        this.#changed = () => undefined;
        resolve();
      };
      this.#changed = look;
      look();
    });
  }
}
