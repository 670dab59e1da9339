import { spawn, type ChildProcess } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { GiveUp, waitFor } from "./wait.ts";

/** What to run, and where its output goes. */
export interface ProcessSpec {
  readonly name: string;
  readonly argv: readonly string[];
  /**
   * Its whole environment: nothing of the caller's, whose proxy settings would send it out of the
   * cluster.
   */
  readonly env: Readonly<Record<string, string>>;
  /** stdout and stderr are appended to it. */
  readonly logFile: string;
  /**
   * argv begins with an nsenter or unshare that forks, because only a child can be in another
   * process namespace: then signals go to that child.
   */
  readonly forks: boolean;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * A component that can be started, stopped and killed any number of times; only one of it runs at
 * any moment.
 */
export class ManagedProcess {
  readonly #spec: ProcessSpec;
  #child: ChildProcess | undefined;
  #exit: Promise<Exit> | undefined;
  /** Somebody here has sent the process that runs now a signal to end. */
  #asked = false;
  #onUnaskedEnd: ((exit: Exit) => void) | undefined;

  constructor(spec: ProcessSpec) {
    this.#spec = spec;
  }

  get name(): string {
    return this.#spec.name;
  }

  get running(): boolean {
    const child = this.#child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Hears of every end that neither stop() nor kill() asked for; one listener. */
  onUnaskedEnd(listener: ((exit: Exit) => void) | undefined): void {
    this.#onUnaskedEnd = listener;
  }

  /** Resolves when the process that runs now has ended. */
  get exited(): Promise<Exit> {
    return this.#exit ?? Promise.resolve({ code: null, signal: null });
  }

  /** Starts it; that it is ready is for the caller to find out. */
  async start(): Promise<void> {
    if (this.running) throw new Error(`${this.name} runs already`);
    const [command = "", ...args] = this.#spec.argv;
    const log = await open(this.#spec.logFile, "a");
    try {
      // A session of its own: Ctrl-C in the terminal is for the runner, which then takes things
      // down in order.
      const child = spawn(command, args, {
        detached: true,
        stdio: ["ignore", log.fd, log.fd],
        env: this.#spec.env,
        cwd: "/",
      });
      this.#child = child;
      this.#asked = false;
      const exit = new Promise<Exit>((resolve) => {
        child.once("exit", (code, signal) => resolve({ code, signal }));
        child.once("error", () => resolve({ code: 127, signal: null }));
      });
      this.#exit = exit;
      void exit.then((how) => {
        if (!this.#asked) this.#onUnaskedEnd?.(how);
      });
      child.unref();
    } finally {
      await log.close();
    }
  }

  /** Asks it to end (SIGTERM), waits, and kills it when it has not ended in time. */
  async stop(timeoutMs = 30_000): Promise<void> {
    if (!this.running) return;
    await this.#signal("SIGTERM");
    try {
      await this.#waitForEnd(timeoutMs);
    } catch {
      await this.kill();
    }
  }

  /** SIGKILL, as a crash would be, and waits until it is gone. */
  async kill(): Promise<void> {
    if (!this.running) return;
    await this.#signal("SIGKILL");
    await this.#waitForEnd(120_000);
  }

  /** Stops it in order and starts it again. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** The end of its log, for messages about what went wrong. */
  async logTail(lines = 15): Promise<string> {
    const text = await readFile(this.#spec.logFile, "utf8").catch(() => "");
    return text.trimEnd().split("\n").slice(-lines).join("\n");
  }

  /** For probes: ends the wait with the end of the log when the process is not there any more. */
  async mustRun(): Promise<void> {
    if (!this.running) throw new GiveUp(`${this.name} has ended: ${await this.logTail()}`);
  }

  /** Process id in the namespace of the caller. */
  async pid(): Promise<number> {
    const outer = this.#child?.pid;
    if (outer === undefined) throw new Error(`${this.name} does not run`);
    if (!this.#spec.forks) return outer;
    return await waitFor(
      `${this.name} to be forked`,
      async () => {
        if (!this.running) throw new GiveUp(`${this.name} has ended`);
        return (await childrenOf(outer))[0];
      },
      { timeoutMs: 120_000, everyMs: 10 },
    );
  }

  async #signal(signal: NodeJS.Signals): Promise<void> {
    this.#asked = true;
    try {
      process.kill(await this.pid(), signal);
    } catch (error) {
      if (this.running) throw error;
    }
  }

  async #waitForEnd(timeoutMs: number): Promise<void> {
    await waitFor(`${this.name} to end`, () => (this.running ? undefined : true), { timeoutMs, everyMs: 20 });
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.trim().split(" ").filter(Boolean).map(Number);
}
