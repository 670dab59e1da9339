import { describe, expect, it } from "vitest";
import { parseMountinfo } from "../mounts/mountinfo.ts";
import { rawPath } from "../mounts/raw-path.ts";
import { isInside, viewOf, type View } from "./inside.ts";
import { podOfCgroup, podOfTarget } from "./pod-uid.ts";
import { mayBeWritten, sharedMappings } from "./shared-mappings.ts";

const directory = { major: 254, minor: 0, path: rawPath("/srv/pool/volumes/pvc-1/3") };

function viewThrough(device: string, root: string): View {
  const [entry] = parseMountinfo(Buffer.from(`9 1 ${device} ${root} /seen rw - ext4 /dev/vda rw\n`));
  if (entry === undefined) throw new Error("no entry");
  return viewOf(entry, directory);
}

describe("inside", () => {
  it("is all that a mount of the directory, or from within it, shows", () => {
    expect(viewThrough("254:0", "/srv/pool/volumes/pvc-1/3")).toEqual({ kind: "inside" });
    expect(viewThrough("254:0", "/srv/pool/volumes/pvc-1/3/data//deleted")).toEqual({ kind: "inside" });
    expect(isInside({ kind: "inside" }, "/anything")).toBe(true);
  });

  it("is nothing of another file system or of a neighbour", () => {
    for (const [device, root] of [
      ["254:1", "/srv/pool/volumes/pvc-1/3"],
      ["254:0", "/srv/pool/volumes/pvc-1/30"],
      ["254:0", "/srv/pool/volumes/pvc-1/3-x"],
      ["254:0", "/srv/pool2"],
    ] as const) {
      expect(viewThrough(device, root)).toEqual({ kind: "outside" });
    }
    expect(isInside({ kind: "outside" }, "/volumes/pvc-1/3/data")).toBe(false);
  });

  it("is decided by the path where a mount shows the directory and more", () => {
    for (const [root, prefix] of [
      ["/", "/host/srv/pool"],
      ["/srv/pool", "/pool"],
      ["/srv/pool/volumes/pvc-1", "/x"],
    ] as const) {
      const view = viewThrough("254:0", root);
      const below = root.endsWith("pvc-1") ? "" : "/volumes/pvc-1";
      expect(isInside(view, `${prefix}${below}/3/data.sealed/file`)).toBe(true);
      expect(isInside(view, `${prefix}${below}/3`)).toBe(true);
      expect(isInside(view, `${prefix}${below}/4/data/3x`)).toBe(false);
      expect(isInside(view, `${prefix}/volumes/pvc-2/3/data`)).toBe(root.endsWith("pvc-1"));
    }
  });
});

describe("the pod", () => {
  const UID = "0b6a3c1e-6b57-4d3f-9d0e-2f5a8c1d7e90";

  it("of a process is in its cgroup, under either driver and from within a cgroup namespace", () => {
    for (const path of [
      `/kubepods/burstable/pod${UID}/5f1c`,
      `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${UID.replaceAll("-", "_")}.slice/cri-containerd-5f1c.scope`,
      `/../../pod${UID}/5f1c`,
    ]) {
      expect(podOfCgroup(`12:pids:/x\n0::${path}\n`)).toBe(UID);
    }
  });

  it("of a static pod is a hash", () => {
    expect(podOfCgroup("0::/kubepods/pod1b2c3d4e5f60718293a4b5c6d7e8f901/5f1c\n")).toBe(
      "1b2c3d4e5f60718293a4b5c6d7e8f901",
    );
  });

  it("of other processes is none", () => {
    expect(podOfCgroup("0::/system.slice/podman.service\n")).toBeUndefined();
  });

  it("of a mount is in its target", () => {
    expect(podOfTarget(`/var/lib/kubelet/pods/${UID}/volume-subpaths/pvc-1/app/0`)).toBe(UID);
    expect(podOfTarget("/data")).toBeUndefined();
  });
});

// Recorded on Linux 6.18: /proc/<pid>/maps and smaps; addresses shortened.
const MAPS = [
  "00400000-00401000 rw-s 00000000 fe:00 1311 /pool/volumes/pvc-1/3/data/a",
  "7f0000000000-7f0000001000 r--s 00000000 fe:00 1312 /pool/volumes/pvc-1/3/data/b",
  "7f0000002000-7f0000003000 rw-p 00000000 fe:00 1313 /pool/volumes/pvc-1/3/data/c",
  "7f0000004000-7f0000005000 rw-s 00000000 00:01 1024 /dev/zero (deleted)",
  "7f0000006000-7f0000007000 rw-p 00000000 00:00 0 ",
].join("\n");
const smapsOf = (range: string, flags: string): string =>
  `${range} r--s 00000000 fe:00 1312 /b\nSize:                  4 kB\nVmFlags: ${flags} \n`;

describe("shared mappings", () => {
  it("are those of the file system, private ones not among them", () => {
    expect(sharedMappings(MAPS, 254, 0)).toEqual([
      { range: "400000-401000", writable: true },
      { range: "7f0000000000-7f0000001000", writable: false },
    ]);
  });

  it("may be written when the kernel has the flag", () => {
    const smaps = smapsOf("00300000-00301000", "rd mr me ms sd") + smapsOf("00400000-00401000", "rd sh mr mw me ms sd");
    expect(mayBeWritten(smaps, "400000-401000")).toBe(true);
    expect(mayBeWritten(smaps, "300000-301000")).toBe(false);
    expect(mayBeWritten(smaps, "500000-501000")).toBeUndefined();
  });
});
