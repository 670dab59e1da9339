import { expect, test } from "vitest";
import { ForeignPath, PathRewriter } from "./rewrite.ts";

const rewriter = new PathRewriter(
  [
    { mountPath: "/data", source: "/opt/volumes", readOnly: false },
    { mountPath: "/data/deep/", source: "/mnt/deep", readOnly: false },
    { mountPath: "/opt/local-path-provisioner", source: "/opt/local-path-provisioner", readOnly: false },
  ],
  (path) => `/home/me/node-a${path}`,
);

test("a mount path is replaced wherever it stands for itself, once, and the longest mount wins", () => {
  expect(rewriter.rewrite("/data")).toBe("/home/me/node-a/opt/volumes");
  expect(rewriter.rewrite('mkdir -p "/data/x" && ls /data/deep/y')).toBe(
    'mkdir -p "/home/me/node-a/opt/volumes/x" && ls /home/me/node-a/mnt/deep/y',
  );
  expect(rewriter.rewrite("/opt/local-path-provisioner/pvc-1")).toBe(
    "/home/me/node-a/opt/local-path-provisioner/pvc-1",
  );
});

test("what only looks like a mount path is left alone", () => {
  expect(rewriter.rewrite("cat x/data and s/data/y/")).toBe("cat x/data and s/data/y/");
  expect(rewriter.rewrite("https://example.com/data")).toBe("https://example.com/data");
});

test("programs and harmless devices may be named", () => {
  const script = "#!/bin/sh\nset -eu\n/usr/bin/env true > /dev/null";
  expect(rewriter.rewrite(script)).toBe(script);
});

test("a script that names other data is refused", () => {
  for (const script of [
    "rm -rf /var/lib/x",
    'cat "/etc/passwd"',
    "rm -rf /",
    "ls /database",
    "rm -rf /data/../../home",
  ]) {
    expect(() => rewriter.rewrite(script), script).toThrow(ForeignPath);
  }
});
