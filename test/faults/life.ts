// The connection and the clock of one process of the product. They stop with the process.
//
//   running ◀── pause / resume ──▶ stopped (SIGSTOP: a long pause of the machine)
//      └──────────── kill ──────────┴──▶ dead (SIGKILL)
//
// * Stopped: timers and answers that come meanwhile are held back. They are delivered when the
//   process continues, timers first, in order. The time of the run does not stop.
// * Dead: no request is sent, no timer fires, no answer or event is delivered. So no code of the
//   process continues, although the code does nothing for that.
import { sleepBy, type Clock } from "../../src/effects/clock.ts";
import type { Kube, KubeRequest } from "../../src/kube/kube.ts";
import { MortalKube } from "../../src/lab/index.ts";

type State = "running" | "stopped" | "dead";

export class Life {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly #mortal: MortalKube;
  readonly #connection = new AbortController();
  #state: State = "running";
  /** Timers that came due while it was stopped. */
  #due: (() => void)[] = [];
  #resumed: (() => void)[] = [];

  /** `onDeath` is called once. */
  constructor(kube: Kube, clock: Clock, onDeath: () => void) {
    this.#mortal = new MortalKube(kube, () => {
      this.#state = "dead";
      this.#due = [];
      this.#resumed = [];
      this.#connection.abort(new Error("the process was killed"));
      onDeath();
    });
    this.kube = this.#answering();
    const after = (ms: number, callback: () => void): (() => void) => {
      let cancelled = false;
      const fire = (): void => {
        if (!cancelled) callback();
      };
      const cancel = clock.after(ms, () => {
        if (this.#state === "running") fire();
        else if (this.#state === "stopped") this.#due.push(fire);
      });
      return () => {
        cancelled = true;
        cancel();
      };
    };
    this.clock = { now: () => clock.now(), monotonic: () => clock.monotonic(), after, sleep: sleepBy(after) };
  }

  /** Aborted when it dies. */
  get dead(): AbortSignal {
    return this.#connection.signal;
  }

  get state(): State {
    return this.#state;
  }

  kill(): void {
    this.#mortal.kill();
  }

  pause(): void {
    if (this.#state === "running") this.#state = "stopped";
  }

  resume(): void {
    if (this.#state !== "stopped") return;
    this.#state = "running";
    for (const fire of this.#due.splice(0)) fire();
    for (const go of this.#resumed.splice(0)) go();
  }

  #answering(): Kube {
    const mortal = this.#mortal;
    return {
      request: (request) => this.hear(mortal.request(request)),
      stream: async (request) => {
        const stream = await this.hear(mortal.stream(this.#endingWithLife(request)));
        return {
          [Symbol.asyncIterator]: () => {
            const iterator = stream[Symbol.asyncIterator]();
            return {
              next: () => this.hear(iterator.next()),
              return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
            };
          },
        };
      },
    };
  }

  /** The server sees the connections of a dead process break. */
  #endingWithLife(request: KubeRequest): KubeRequest {
    const ends = [this.#connection.signal, ...(request.signal === undefined ? [] : [request.signal])];
    return { ...request, signal: AbortSignal.any(ends) };
  }

  /** The answer, as soon as the process can receive it; never when it is dead. */
  async hear<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } finally {
      while (this.#state === "stopped") await new Promise<void>((resolve) => this.#resumed.push(resolve));
      if (this.#state === "dead") await new Promise<never>(() => undefined);
    }
  }
}
