// The connection of one process to the API, which dies with the process.
//
//   alive ── kill() or the write after which it was to die ──▶ dead
//
// * Dead: no request is sent and no answer is delivered, not even to a request that is under way.
//   Code that waits for an answer waits for ever, so nothing of a dead process continues.
// * A process that dies after its Nth write dies when the server has carried the write out: the
//   object is stored, and the process has not seen the answer.
import type { Kube, KubeRequest } from "../../kube/kube.ts";

/** Counts and ends the requests of one process. */
export class MortalKube implements Kube {
  readonly #kube: Kube;
  readonly #onDeath: () => void;
  #dead = false;
  #writes = 0;
  #lastWrite: number | undefined;

  constructor(kube: Kube, onDeath: () => void) {
    this.#kube = kube;
    this.#onDeath = onDeath;
  }

  /** Writes sent so far. */
  get writes(): number {
    return this.#writes;
  }

  /** Lets the process die once `count` more writes have been carried out. */
  dieAfterWrites(count: number): void {
    this.#lastWrite = this.#writes + count;
  }

  kill(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#onDeath();
  }

  async request<T = unknown>(request: KubeRequest): Promise<T> {
    if (this.#dead) return silence();
    const write = request.method === "GET" ? 0 : ++this.#writes;
    let failed = false;
    let answer: unknown;
    try {
      answer = await this.#kube.request<T>(request);
    } catch (error) {
      failed = true;
      answer = error;
    }
    if (write > 0 && this.#lastWrite !== undefined && write >= this.#lastWrite) this.kill();
    if (this.#dead) return silence();
    if (failed) throw answer;
    return answer as T;
  }

  async stream(request: KubeRequest): Promise<AsyncIterable<unknown>> {
    if (this.#dead) return silence();
    const stream = await this.#kube.stream(request);
    return this.#dead ? silence() : stream;
  }
}

/** The answer to a dead process: a promise that never settles. */
function silence(): Promise<never> {
  return new Promise<never>(() => undefined);
}
