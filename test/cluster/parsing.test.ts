import { expect, test } from "vitest";
import { parseHierarchies } from "./cgroups.ts";
import { parseManifest } from "./objects.ts";
import { librariesOf } from "./product-image.ts";

test("cgroup hierarchies of a v1 machine with a unified one beside them are found in mountinfo", () => {
  const mountinfo = [
    "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard",
    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:4 - cgroup cgroup rw,cpu",
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw",
    "",
  ].join("\n");
  expect(parseHierarchies(mountinfo)).toEqual([
    { directory: "/sys/fs/cgroup/cpu", version: 1 },
    { directory: "/sys/fs/cgroup/unified", version: 2 },
  ]);
});

test("a manifest's documents and lists are opened in their order, empty documents left out", () => {
  const yaml = "kind: A\n---\n# nothing\n---\nkind: List\nitems: [{kind: B}, {kind: C}]\n";
  expect(parseManifest(yaml).map(({ kind }) => kind)).toEqual(["A", "B", "C"]);
});

test("a manifest that is no YAML is an error, not an empty manifest", () => {
  expect(() => parseManifest("kind: [")).toThrow();
});

test("libraries with and without an arrow are read from ldd, the kernel's own is not a file", () => {
  const ldd = `\tlinux-vdso.so.1 (0x00007ffd)
\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f1)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f2)
`;
  expect(librariesOf(ldd)).toEqual(["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/ld-linux-x86-64.so.2"]);
});

test("libraries of several files are read once each, without the files' names and what is not found", () => {
  const ldd = `/usr/bin/node:
	libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f1)
dist/koffi.node:
	libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f3)
	libc.musl-x86_64.so.1 => not found
	libstdc++.so.6 => /lib/x86_64-linux-gnu/libstdc++.so.6 (0x00007f4)
`;
  expect(librariesOf(ldd)).toEqual(["/lib/x86_64-linux-gnu/libm.so.6", "/lib/x86_64-linux-gnu/libstdc++.so.6"]);
});
