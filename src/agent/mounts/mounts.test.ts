import { describe, expect, it } from "vitest";
import { scratch } from "../sys/testing/scratch.fixture.ts";
import { inPrivateNamespace, whyNoMounts, type Outcome } from "./testing/private-namespace.fixture.ts";

const why = whyNoMounts();

/** The value of a step that must have succeeded. */
function valueOf(outcome: Outcome | undefined): unknown {
  if (outcome !== undefined && "value" in outcome) return outcome.value;
  throw new Error(`the step failed: ${JSON.stringify(outcome)}`);
}

describe.skipIf(why !== undefined)(`mounts${why === undefined ? "" : `: ${why}`}`, () => {
  it("stack, and unmountAll takes off all of them and nothing else", async () => {
    const { path } = scratch();
    const outcomes = await inPrivateNamespace([
      { sh: `mkdir ${path}/a ${path}/b ${path}/t ${path}/u; touch ${path}/a/in-a ${path}/b/in-b` },
      { call: "bind", source: `${path}/a`, target: `${path}/t`, readOnly: false },
      { call: "bindOpened", source: `${path}/b`, target: `${path}/t` },
      { sh: `mount -t tmpfs none ${path}/t; mount --bind ${path}/a ${path}/u; ls -A ${path}/t` },
      { call: "unmountAll", target: `${path}/t` },
      { sh: `rmdir ${path}/t; ls ${path}/u ${path}/b` },
      { call: "unmountAll", target: `${path}/t` },
      { call: "unmountAll", target: `${path}/none/t` },
    ]);
    expect(outcomes.map(valueOf).slice(4)).toEqual([3, `${path}/b:\nin-b\n\n${path}/u:\nin-a`, 0, 0]);
  });

  it("that are read-only refuse writers and keep nosuid", async () => {
    const { path } = scratch();
    const outcomes = await inPrivateNamespace([
      { sh: `mkdir ${path}/fs ${path}/t; mount -t tmpfs -o nosuid,noexec none ${path}/fs; mkdir ${path}/fs/a` },
      { call: "bind", source: `${path}/fs/a`, target: `${path}/t`, readOnly: true },
      { sh: `touch ${path}/fs/a/new; ! touch ${path}/t/other 2>&1; findmnt -no VFS-OPTIONS ${path}/t` },
    ]);
    expect(valueOf(outcomes[2])).toContain("Read-only file system");
    expect(valueOf(outcomes[2])).toContain("ro,nosuid,noexec");
  });

  it("in use stay, and the error names the users", async () => {
    const { path } = scratch();
    const outcomes = await inPrivateNamespace([
      { sh: `mkdir ${path}/a ${path}/a/sub ${path}/t` },
      { call: "bind", source: `${path}/a`, target: `${path}/t`, readOnly: false },
      { sh: `mount -t tmpfs none ${path}/t/sub` },
      { call: "unmountAll", target: `${path}/t` },
      { sh: `umount ${path}/t/sub` },
      { call: "unmountAll", target: `${path}/t` },
    ]);
    expect(outcomes[3]).toEqual({
      error: {
        code: "MOUNT_BUSY",
        message: `cannot unmount ${path}/t: it is in use by the mount ${path}/t/sub, a user of ${path}/t`,
      },
    });
    expect(valueOf(outcomes[5])).toBe(1);
  });

  it("at a symlink are not followed off the target", async () => {
    const { path } = scratch();
    const outcomes = await inPrivateNamespace([
      { sh: `mkdir ${path}/a ${path}/t ${path}/dir; ln -s ${path}/t ${path}/link; ln -s ${path} ${path}/dir/up` },
      { call: "bind", source: `${path}/a`, target: `${path}/t`, readOnly: false },
      { call: "unmountAll", target: `${path}/link` },
      { call: "unmountAll", target: `${path}/dir/up/t` },
    ]);
    expect(outcomes.map(valueOf).slice(2)).toEqual([0, 1]);
  });

  it("that cannot be made say why", async () => {
    const { path } = scratch();
    const [outcome] = await inPrivateNamespace([
      { call: "bind", source: `${path}/none`, target: `${path}/t`, readOnly: false },
    ]);
    expect(outcome).toMatchObject({ error: { code: "MOUNT_BIND_FAILED" } });
  });

  it("of a pool are found as publications, after renames and removals too", async () => {
    const { path } = scratch();
    const pod = `${path}/kubelet/pods/u-1`;
    const target = `${pod}/volumes/kubernetes.io~csi/pvc-1/mount`;
    const subpath = `${pod}/volume-subpaths/pvc-1/app/0`;
    const epoch = `${path}/disk/pool/volumes/pvc-1/2`;
    const find = { call: "publicationsOf", pool: `${path}/seen`, kubelet: `${path}/kubelet` } as const;
    const outcomes = await inPrivateNamespace([
      {
        sh: `mkdir ${path}/disk ${path}/seen; mount -t tmpfs none ${path}/disk; mkdir -p ${epoch}/data/sub ${target} ${subpath}`,
      },
      { sh: `mount --bind ${path}/disk/pool ${path}/seen` },
      { call: "bind", source: `${path}/seen/volumes/pvc-1/2/data`, target, readOnly: false },
      { call: "bind", source: `${target}/sub`, target: subpath, readOnly: false },
      { call: "locate", path: `${path}/seen/volumes` },
      { sh: `mv ${epoch}/data ${epoch}/data.sealed; mv ${epoch} ${path}/disk/pool/volumes/pvc-1/3` },
      find,
      { sh: `rm -r ${path}/disk/pool/volumes/pvc-1/3/data.sealed` },
      find,
    ]);
    const both = (removed: boolean): unknown[] => [
      { volume: "pvc-1", epochDirectory: "3", podUID: "u-1", target, kind: "volume", removed },
      { volume: "pvc-1", epochDirectory: "3", podUID: "u-1", target: subpath, kind: "subpath", removed },
    ];
    expect(valueOf(outcomes[4])).toMatchObject({ path: "/pool/volumes" });
    expect(valueOf(outcomes[6])).toEqual(both(false));
    expect(valueOf(outcomes[8])).toEqual(both(true));
  });
});
