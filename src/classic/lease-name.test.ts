import fc from "fast-check";
import { expect, test } from "vitest";
import { leaseNameOf } from "./lease-name.ts";

const VALID = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

test.each([
  ["rancher.io/local-path", "rancher.io-local-path"],
  ["Cluster.local/Storage", "cluster.local-storage"],
])("%s leads as %s, as with the original", (provisioner, name) => {
  expect(leaseNameOf(provisioner)).toBe(name);
});

test("a name that no object may have gets one that it may, and its own", () => {
  const one = leaseNameOf("example.com/local_path");
  const other = leaseNameOf("example.com/local-path_");
  expect(one).toMatch(/^example\.com-local-path-[0-9a-f]{8}$/);
  expect(one).not.toBe(other);
});

test("every name of a provisioner leads to the name of an object", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9._/-]{1,300}$/), (provisioner) => {
      const name = leaseNameOf(provisioner);
      expect(name).toMatch(VALID);
      expect(name.length).toBeLessThanOrEqual(253);
    }),
  );
});
