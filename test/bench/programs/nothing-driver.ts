import type { Driver } from "../../../src/provision/driver.ts";
import { refusalOf } from "../../../src/provision/refusals.ts";

const RETRY = { firstMs: 15_000, longestMs: 1_000_000, limit: 15, restingMs: 900_000 };

/** Makes nothing and removes nothing: what is left is the loop's own cost. */
export function nothingDriver(provisioner: string): Driver {
  return {
    name: "nothing",
    provisioner,
    retry: { provision: RETRY, reclaim: RETRY },
    refusal: refusalOf(provisioner),
    admit: () => undefined,
    chooseNode: () => undefined,
    provision: ({ volumeName }) =>
      Promise.resolve({ annotations: {}, spec: { hostPath: { path: `/nowhere/${volumeName}` } } }),
    stored: () => Promise.resolve(),
    attempts: () => [],
    removeAttempt: () => Promise.resolve(),
    remove: () => Promise.resolve({ outcome: "removed" }),
  };
}
