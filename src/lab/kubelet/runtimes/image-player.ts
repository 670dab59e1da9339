import type { ContainerRun } from "./runtime.ts";

/** Runs the containers of an image with a program of this machine instead of the image's own. */
export interface ImagePlayer {
  plays(image: string): boolean;
  /**
   * What is run for a container; `argv` is its command and arguments with its mount paths replaced,
   * `env` is added to its environment. Rejects, with words for a person, when it cannot be played.
   */
  prepare(run: ContainerRun, argv: readonly string[]): Promise<Prepared>;
}

export interface Prepared {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}
