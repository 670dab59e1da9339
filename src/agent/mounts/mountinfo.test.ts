import { describe, expect, it } from "vitest";
import { locationOf, showsInside } from "./location.ts";
import { parseMountinfo } from "./mountinfo.ts";
import { publicationsOf } from "./publications.ts";
import { bytesOfPath, rawPath } from "./raw-path.ts";

const UID = "0b6a3c1e-6b57-4d3f-9d0e-2f5a8c1d7e90";
const PODS = `/var/lib/kubelet/pods/${UID}`;

// Recorded on Linux 6.18 and 6.1; the names of volumes and pods are made up.
const RECORDED = [
  "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard,resuid=65534",
  "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - tmpfs tmpfs rw,mode=755",
  "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 unbindable - ext3 /dev/root rw,errors=continue",
  String.raw`63 43 254:0 /tmp/mi/a\040b\011c\134d /tmp/mi/t rw,relatime - ext4 /dev/vda rw`,
  String.raw`65 63 0:39 / /tmp/mi/t rw,relatime - tmpfs so\040urce\043x rw`,
  "70 27 254:0 /srv/pool /pool rw,relatime shared:1 - ext4 /dev/vda rw",
  "71 27 0:45 /@data/srv /btrfs rw,relatime shared:2 - btrfs /dev/sdb rw,subvolid=256,subvol=/@data",
  `80 27 254:0 /srv/pool/volumes/pvc-1/3/data ${PODS}/volumes/kubernetes.io~csi/pvc-1/mount rw shared:1 - ext4 /dev/vda rw`,
  `81 80 254:0 /srv/pool/volumes/pvc-1/3/data ${PODS}/volumes/kubernetes.io~csi/pvc-1/mount rw shared:1 - ext4 /dev/vda rw`,
  `82 27 254:0 /srv/pool/volumes/pvc-1/3/data/logs ${PODS}/volume-subpaths/pvc-1/app/0 rw shared:1 - ext4 /dev/vda rw`,
  `83 27 254:0 /srv/pool/volumes/pvc-2/7-${UID}/data.sealed//deleted ${PODS}/volumes/kubernetes.io~csi/pvc-2/mount rw - ext4 /dev/vda rw`,
  `84 27 0:45 /@data/srv/volumes/pvc-3/1/data ${PODS}/volumes/kubernetes.io~csi/pvc-3/mount ro - btrfs /dev/sdb rw,subvol=/@data/srv/volumes/pvc-3/1/data`,
  `85 27 254:0 /srv/pool/volumes/pvc-4/1/data /mnt/elsewhere rw - ext4 /dev/vda rw`,
  `86 27 254:16 /srv/pool/volumes/pvc-5/1/data ${PODS}/volumes/kubernetes.io~csi/pvc-5/mount rw - ext4 /dev/vdb rw`,
  `87 27 254:0 /srv/pool2/volumes/pvc-6/1/data ${PODS}/volumes/kubernetes.io~csi/pvc-6/mount rw - ext4 /dev/vda rw`,
];
const entries = parseMountinfo(Buffer.from(`${RECORDED.join("\n")}\n`));
const pool = { major: 254, minor: 0, path: rawPath("/srv/pool") };

describe("mountinfo", () => {
  it("is read field by field", () => {
    expect(entries[0]).toEqual({
      id: 27,
      parentId: 1,
      major: 254,
      minor: 0,
      root: "/",
      rootRemoved: false,
      mountPoint: "/",
      fsType: "ext4",
      source: "/dev/vda",
      options: ["rw", "relatime"],
      superOptions: ["rw", "discard", "resuid=65534"],
    });
  });

  it("has none, one or more optional fields", () => {
    expect(entries.slice(0, 3).map((entry) => entry.fsType)).toEqual(["ext4", "tmpfs", "ext3"]);
  });

  it("has octal escapes", () => {
    expect(entries[3]?.root).toBe("/tmp/mi/a b\tc\\d");
    expect(entries[4]?.source).toBe("so urce#x");
  });

  it("has names that are not UTF-8, and they survive", () => {
    const line = Buffer.concat([
      Buffer.from("1 2 8:1 /z"),
      Buffer.from([0xff, 0xc3]),
      Buffer.from(" /m rw - ext4 /dev/sda rw\n"),
    ]);
    const [entry] = parseMountinfo(line);
    expect(entry && bytesOfPath(entry.root)).toEqual(Buffer.from([0x2f, 0x7a, 0xff, 0xc3]));
  });

  it("says of a removed root what it was called", () => {
    const entry = entries.find(({ id }) => id === 83);
    expect(entry).toMatchObject({ root: `/srv/pool/volumes/pvc-2/7-${UID}/data.sealed`, rootRemoved: true });
  });

  it("with a line that is not understood is refused", () => {
    expect(() => parseMountinfo(Buffer.from("27 1 254:0 / / rw,relatime ext4 /dev/vda rw\n"))).toThrow(
      "not understood",
    );
    expect(() => parseMountinfo(Buffer.from("27 1 254 / / rw - ext4 /dev/vda rw\n"))).toThrow("not understood");
  });
});

describe("location", () => {
  it("is the root of the mount and the path below it", () => {
    expect(locationOf(entries, 70, rawPath("/pool"))).toEqual(pool);
    expect(locationOf(entries, 27, rawPath("/srv/pool"))).toEqual(pool);
  });

  it("of a Btrfs subvolume includes its path", () => {
    expect(locationOf(entries, 71, rawPath("/btrfs/volumes"))).toEqual({
      major: 0,
      minor: 45,
      path: "/@data/srv/volumes",
    });
  });

  it("is unknown outside of the mount, in an unknown mount and in a removed directory", () => {
    expect(locationOf(entries, 70, rawPath("/pool2"))).toBeUndefined();
    expect(locationOf(entries, 99, rawPath("/pool"))).toBeUndefined();
    expect(locationOf(entries, 83, rawPath(`${PODS}/volumes/kubernetes.io~csi/pvc-2/mount`))).toBeUndefined();
  });

  it("of a directory holds what is mounted from at or below it, and not its neighbour", () => {
    const inside = (path: string): number[] =>
      entries.filter((entry) => showsInside(entry, { ...pool, path: rawPath(path) })).map(({ id }) => id);
    expect(inside("/srv/pool/volumes/pvc-1/3")).toEqual([80, 81, 82]);
    expect(inside("/srv/pool/volumes/pvc-1/3/data/logs")).toEqual([82]);
    expect(inside(`/srv/pool/volumes/pvc-2/7-${UID}`)).toEqual([83]);
    expect(inside("/srv/pool/volumes/pvc-2/7")).toEqual([]);
  });
});

describe("publications", () => {
  const short = (found: ReturnType<typeof publicationsOf>): string[] =>
    found.map((one) => `${one.volume} ${one.epochDirectory} ${one.kind}${one.removed ? " removed" : ""}`);

  it("are the mounts of the pool at pods, with each mount of a stack", () => {
    const found = publicationsOf(entries, pool, "/var/lib/kubelet");
    expect(short(found)).toEqual([
      "pvc-1 3 volume",
      "pvc-1 3 volume",
      "pvc-1 3 subpath",
      `pvc-2 7-${UID} volume removed`,
    ]);
    expect(found[0]).toMatchObject({ podUID: UID, target: `${PODS}/volumes/kubernetes.io~csi/pvc-1/mount` });
  });

  it("of a Btrfs pool are found", () => {
    const btrfs = { major: 0, minor: 45, path: rawPath("/@data/srv") };
    expect(short(publicationsOf(entries, btrfs, "/var/lib/kubelet"))).toEqual(["pvc-3 1 volume"]);
  });

  it("below another kubelet directory are not ours", () => {
    expect(publicationsOf(entries, pool, "/var/lib/k0s/kubelet")).toEqual([]);
  });
});
