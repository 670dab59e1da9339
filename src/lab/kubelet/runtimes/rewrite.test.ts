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

test("a mount path behind an option or as a default is one as well", () => {
  expect(rewriter.rewrite('ls "${PGDATA:-/data}" && tar -C/data -x && X=/data')).toBe(
    'ls "${PGDATA:-/home/me/node-a/opt/volumes}" && tar -C/home/me/node-a/opt/volumes -x && X=/home/me/node-a/opt/volumes',
  );
});

test("programs may be read, and the kernel asked", () => {
  for (const script of [
    "cp /usr/bin/env copy",
    "cat /proc/self/status /proc/uptime /proc/$$/stat",
    "echo x >/dev/null",
  ]) {
    expect(rewriter.rewrite(script)).toBe(script);
  }
});

test("what a word does depends on those before it", () => {
  expect(() => rewriter.rewrite("/usr/x", "rm -rf ")).toThrow(ForeignPath);
  expect(rewriter.rewrite("/usr/bin/env", "/bin/sh -c ")).toBe("/usr/bin/env");
});

test("a script that names other data is refused", () => {
  for (const script of [
    "rm -rf /var/lib/x",
    'cat "/etc/passwd"',
    "rm -rf /",
    "ls /database",
    "rm -rf /data/../../home",
    'cd "${D:-/var/tmp}"',
    "tar -C/etc -cf - .",
    "cat //etc/passwd",
    "PATH=$PATH:/opt/x y",
    "echo x > /usr/local/f",
    "echo x >>'/lib/f'",
    "rm -f /usr/bin/env",
    "true && mkdir -p /usr/x /data/y",
    "cp /data/x /usr/bin/x",
    "cat /proc/self/root/etc/passwd",
    "cat /proc/$$/root/etc/passwd",
    "ls /proc/1/cwd",
  ]) {
    expect(() => rewriter.rewrite(script), script).toThrow(ForeignPath);
  }
});
