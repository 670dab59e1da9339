import type { Driver } from "../../../src/provision/driver.ts";

/** Makes nothing and removes nothing: what is left is the loop's own cost. */
export function nothingDriver(provisioner: string): Driver {
  return {
    provisioner,
    admit: () => undefined,
    chooseNode: () => undefined,
    provision: ({ volumeName }) =>
      Promise.resolve({ annotations: {}, spec: { hostPath: { path: `/nowhere/${volumeName}` } } }),
    settled: () => Promise.resolve(),
    leftovers: () => [],
    abandon: () => Promise.resolve(),
    remove: () => Promise.resolve({ outcome: "removed" }),
  };
}
