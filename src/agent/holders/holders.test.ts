import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasTool, tool } from "../sys/testing/scratch.fixture.ts";
import { describeHolder, type Proof } from "./holders.ts";
import { startGround, whyNoHolders, type Ground } from "./testing/ground.fixture.ts";

const why = whyNoHolders();
const PROVEN: Proof = { proven: true };
/** Keeps a shell's descriptors, directories and mounts until it is killed. */
const WAIT = "echo ready; exec sleep 1000";

describe.skipIf(why !== undefined)(`holders${why === undefined ? "" : `: ${why}`}`, () => {
  let scratch: string;
  let ground: Ground;
  let tests = 0;
  /**
   * `<pool>/volumes/<volume>/<epoch>`, and the data directory in it, as it is called after the
   * seal's rename.
   */
  let epoch: string;
  let data: string;

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "mooring-holders-"));
    ground = await startGround(scratch);
  });
  afterAll(async () => {
    await ground.close();
    tool("rm", "-rf", scratch);
  });
  afterEach(() => ground.end("all"));
  beforeEach(async () => {
    tests += 1;
    epoch = `${scratch}/pool/volumes/pvc-${String(tests)}/1`;
    data = `${epoch}/data.sealed`;
    await ground.sh(`mkdir -p ${data}/sub ${data}.t; head -c 8192 /dev/zero >${data}/file; mkdir -p ${scratch}/t`);
  });

  /** Holders as "how where", the data directory written as DATA. */
  const held = async (): Promise<string[]> => {
    const proof = await ground.of(epoch);
    if (proof.proven) return [];
    expect(proof.unreadable).toEqual([]);
    return proof.holders.map(
      (one) => `${one.how} ${one.where.replaceAll(data, "DATA").replaceAll(scratch, "SCRATCH")}`,
    );
  };
  /** Starts a shell that holds something, and sees it found; and the proof when it has ended. */
  const expectHeldBy = async (pid: number, ...expected: readonly string[]): Promise<void> => {
    // "ready" comes before the program that waits has taken the shell's place.
    await expect.poll(held).toEqual(expected);
    const proof = await ground.of(epoch);
    expect(proof.proven ? [] : proof.holders.map((one) => one.pid)).toContain(pid);
    await ground.end(pid);
    expect(await ground.of(epoch)).toEqual(PROVEN);
  };
  const shell = (script: string): Promise<number> => ground.start("sh", "-ec", script);

  it("are none where nobody has hold of it, and neighbours do not count", async () => {
    await ground.sh(`mkdir -p ${epoch}0 ${epoch}-x/data`);
    const pid = await shell(
      `cd ${epoch}0; exec 3<${epoch}-x/data 4>${scratch}/t/file 5<${scratch}/pool/volumes; ${WAIT}`,
    );
    expect(await ground.of(epoch)).toEqual(PROVEN);
    await ground.end(pid);
  });

  it("are found by their working directory", async () => {
    await expectHeldBy(await shell(`cd ${data}/sub; ${WAIT}`), "cwd DATA/sub");
  });

  it("are found by their root directory", async () => {
    await expectHeldBy(await ground.hold("chroot", data), "root DATA");
  });

  it("are found by a file that is open for writing", async () => {
    await expectHeldBy(await shell(`exec 3>>${data}/file; ${WAIT}`), "descriptor descriptor 3, DATA/file");
  });

  it("are found by a descriptor that only reads: it can be opened again for writing", async () => {
    await expectHeldBy(await shell(`exec 3<${data}/file; ${WAIT}`), "descriptor descriptor 3, DATA/file");
  });

  it("are found by an open directory", async () => {
    await expectHeldBy(await shell(`exec 3<${data}; ${WAIT}`), "descriptor descriptor 3, DATA");
  });

  it("are found by a file that was removed while it was open", async () => {
    const pid = await shell(`exec 3>>${data}/gone; rm ${data}/gone; ${WAIT}`);
    await expectHeldBy(pid, "descriptor descriptor 3, DATA/gone (deleted)");
  });

  it("are found by the program they run", async () => {
    await ground.sh(`cp "$(command -v sleep)" ${data}/program`);
    await expectHeldBy(await shell(`echo ready; exec ${data}/program 1000`), "program DATA/program");
  });

  it("are found by a shared mapping whose descriptor is closed", async () => {
    await expectHeldBy(await ground.hold("map", `${data}/file`), "mapping DATA/file");
  });

  it("are found by a mapping that only reads and may be made writable", async () => {
    await expectHeldBy(await ground.hold("map-may-be-written", `${data}/file`), "mapping DATA/file");
  });

  it("are not those who map a file that they could only read", async () => {
    const pid = await ground.hold("map-to-read", `${data}/file`);
    expect(await ground.of(epoch)).toEqual(PROVEN);
    await ground.end(pid);
  });

  it("are found by a bind mount in another mount namespace", async () => {
    const pid = await ground.start("unshare", "-m", "sh", "-ec", `mount --bind ${data} ${scratch}/t; ${WAIT}`);
    await expectHeldBy(pid, "mount SCRATCH/t");
  });

  it("are found by a bind mount that was made before a rename, and by what is open below it", async () => {
    await ground.sh(`mv ${data} ${epoch}/data`);
    const script = `mount --bind ${epoch}/data ${scratch}/t; cd ${scratch}/t/sub; exec 3>>../file; ${WAIT}`;
    const pid = await ground.start("unshare", "-m", "sh", "-ec", script);
    await ground.sh(`mv ${epoch}/data ${data}; mv ${epoch} ${epoch}x`);
    epoch += "x";
    await expectHeldBy(pid, "mount SCRATCH/t", "cwd SCRATCH/t/sub", "descriptor descriptor 3, SCRATCH/t/file");
  });

  it("are found by a mount that is hidden from all processes of its namespace by their root", async () => {
    await ground.sh(`mkdir -p ${scratch}/jail`);
    const script = `mount --bind ${data} ${scratch}/t; exec "$@"`;
    const argv = ["sh", "-ec", script, "sh", ...ground.holding, "chroot", `${scratch}/jail`];
    await expectHeldBy(await ground.start("unshare", "-m", ...argv), "mount SCRATCH/t");
  });

  it("are found by a mount in a namespace that has no process", async () => {
    const pin = `${scratch}/pin`;
    await ground.sh(`mkdir -p ${pin}; mount --bind ${pin} ${pin}; mount --make-private ${pin}; touch ${pin}/ns`);
    // Linux binds only a namespace with a higher number than its own, and 6.18 does not number them
    // in order on two processors.
    for (let bound = false; !bound;) {
      const pid = await ground.start("unshare", "-m", "sh", "-ec", `mount --bind ${data} ${scratch}/t; ${WAIT}`);
      bound = await ground.sh(`mount --bind /proc/${String(pid)}/ns/mnt ${pin}/ns`).then(
        () => true,
        () => false,
      );
      await ground.end(pid);
    }
    expect(await held()).toEqual(["mount SCRATCH/t"]);
    await ground.sh(`umount ${pin}/ns; umount ${pin}`);
    expect(await ground.of(epoch)).toEqual(PROVEN);
  });

  it("are found by a mount in a namespace that is kept by a descriptor", async () => {
    const inside = await ground.start("unshare", "-m", "sh", "-ec", `mount --bind ${data} ${scratch}/t; ${WAIT}`);
    const keeper = await shell(`exec 3</proc/${String(inside)}/ns/mnt; ${WAIT}`);
    await ground.end(inside);
    await expectHeldBy(keeper, "mount SCRATCH/t");
  });

  it("are found by what they opened through a mount that is detached, and neighbours do not count", async () => {
    await ground.sh(`touch ${scratch}/pool/outside`);
    const through = (directory: string, file: string): Promise<number> => {
      const script = `mount --bind ${directory} ${scratch}/t; exec 3>>${scratch}/t/${file}; umount -l ${scratch}/t; ${WAIT}`;
      return ground.start("unshare", "-m", "sh", "-ec", script);
    };
    const outside = await through(`${scratch}/pool`, "outside");
    const inside = await through(data, "sub/new");
    await expectHeldBy(inside, "descriptor descriptor 3, /sub/new");
    await ground.end(outside);
  });

  it("are found deaf to signals in a process namespace of their own", async () => {
    const script = `trap '' TERM; exec 3>>${data}/file; ${WAIT}`;
    const pid = await ground.start("unshare", "--pid", "--fork", "sh", "-ec", script);
    const proof = await ground.of(epoch);
    expect(proof.proven ? [] : proof.holders.map(describeHolder)).toEqual([
      expect.stringMatching(/^(sh|sleep) \(pid \d+\) has it open: descriptor 3, /),
    ]);
    await ground.end(pid);
    // The child dies by the same signal as `unshare`, but not at the same instant.
    await expect.poll(() => ground.of(epoch)).toEqual(PROVEN);
  });

  it("are found in a thread with descriptors of its own", async () => {
    await expectHeldBy(await ground.hold("thread", `${data}/file`), expect.stringMatching(/^descriptor .*DATA\/file$/));
  });

  it("are found in a thread that outlives the first of its process", async () => {
    const pid = await ground.hold("thread-alone", `${data}/file`);
    await expect.poll(() => ground.sh(`grep State /proc/${String(pid)}/status`)).toContain("Z");
    await expectHeldBy(pid, expect.stringMatching(/^descriptor .*DATA\/file$/));
  });

  it("are found where the kernel does not show a path, for it is too long", async () => {
    const deep = `d=$(printf %0200d 0); for i in $(seq 25); do mkdir $d; cd -P ./$d; done`;
    const pid = await shell(`cd ${data}; ${deep}; exec 3>>file; cd /; ${WAIT}`);
    await expectHeldBy(pid, "descriptor descriptor 3, ");
  });

  it("that are to be ignored do not count, nor do their chosen descriptors", async () => {
    const pid = await shell(`exec 3>>${data}/file 4<${data}; ${WAIT}`);
    expect(await ground.of(epoch, [{ pid }])).toEqual(PROVEN);
    expect(await ground.of(epoch, [{ pid, descriptors: [3, 4] }])).toEqual(PROVEN);
    expect(await ground.of(epoch, [{ pid, descriptors: [3] }])).toMatchObject({
      holders: [{ where: `descriptor 4, ${data}` }],
    });
    await ground.end(pid);
  });

  it("that keep forking and ending never slip through", async () => {
    const script = `${scratch}/chain.sh`;
    // Each shell forks the next and ends. A new program now and then, for a shell limits the depth
    // of its functions.
    const hop = `[ -e ${scratch}/stop ] && exit 0; n=$((n+1)); [ $n -lt 900 ] || exec sh $0; echo hop >&3; f & exit 0`;
    writeFileSync(script, `n=0; f() { ${hop}; }; f`);
    await ground.sh(`exec 3>>${data}/file; setsid sh ${script} >/dev/null 2>&1`);
    for (let round = 0; round < 100; round++) expect(await ground.of(epoch)).toMatchObject({ proven: false });
    const hops = statSync(`${data}/file`).size;
    await expect.poll(() => statSync(`${data}/file`).size).toBeGreaterThan(hops);
    await ground.sh(`touch ${scratch}/stop`);
    await expect.poll(() => ground.of(epoch)).toEqual(PROVEN);
  });

  it("cannot be found in a directory that is not there", async () => {
    await expect(ground.of(`${epoch}/none`)).rejects.toThrow("HOLDERS_CANNOT_LOOK");
  });

  it.skipIf(!hasTool("losetup"))("are loop devices, whatever path they were set up by", async ({ skip }) => {
    await ground.sh(`truncate -s 1M ${data}/disk ${scratch}/t/disk`);
    const setUp = async (script: string): Promise<string> => {
      const device = await ground.sh(script).catch((error: unknown) => skip(`no loop device: ${String(error)}`));
      onTestFinished(() => {
        tool("sh", "-c", `losetup -d ${device} 2>/dev/null || true`);
      });
      return device;
    };
    const outside = await setUp(`losetup -f --show ${scratch}/t/disk`);
    expect(await ground.of(epoch)).toEqual(PROVEN);
    const inside = await setUp(
      `unshare -m sh -ec 'mount --bind ${data} ${scratch}/t; losetup -f --show ${scratch}/t/disk'`,
    );
    expect(await held()).toEqual([expect.stringMatching(/^loop /)]);
    await ground.sh(`losetup -d ${inside}; losetup -d ${outside}`);
    await expect.poll(() => ground.of(epoch)).toEqual(PROVEN);
  });
});
