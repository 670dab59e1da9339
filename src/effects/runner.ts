/** Runs other programs: credential plugins. */
export interface Runner {
  /**
   * Runs `argv[0]` with the rest as arguments, without a shell, and resolves when it has ended,
   * whatever its exit code. Rejects when it cannot be started, or with the signal's reason when
   * `signal` is aborted (the program is then killed).
   */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
}

export interface RunOptions {
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

export interface RunResult {
  /** Exit code; 128 + the signal's number when it was killed. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
