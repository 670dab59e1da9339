export interface Program<Options> {
  readonly usage: string;
  /** The options, or "help" when the user asks for that. Throws with a message for the user. */
  readonly read: (args: readonly string[]) => Options | "help";
  /** Gives the exit code. */
  readonly run: (options: Options) => Promise<number>;
}

/**
 * Runs a program with the arguments it was started with and gives its exit code; 2 when they are
 * wrong.
 */
export async function runProgram<Options>({ usage, read, run }: Program<Options>): Promise<number> {
  let options: Options | "help";
  try {
    options = read(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  if (options === "help") {
    process.stdout.write(usage);
    return 0;
  }
  return run(options);
}
