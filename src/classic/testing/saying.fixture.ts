import { expect } from "vitest";

/**
 * For `toThrow` and `rejects.toThrow`: an error with exactly this message, whatever else it
 * carries.
 */
export function saying(message: string): unknown {
  return expect.objectContaining({ message });
}
