import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Clock } from "../../../effects/clock.ts";
import { systemRandom } from "../../../effects/node/random.ts";
import { manualClock, settle } from "../../../effects/testing/manual-clock.fixture.ts";
import { silentLog } from "../../../observe/log.ts";
import { peerErrors } from "../../peers/errors.ts";
import type { CopyEngine } from "../../transfer/engine.ts";
import { transferErrors } from "../../transfer/errors.ts";
import type { TargetPass } from "../../transfer/passes/target-memory.ts";
import type { Entry } from "../../transfer/tree/entry.ts";
import { Jobs } from "./jobs.ts";
import type { TransferRequest } from "../transfer-request.ts";
import type { VolumeView } from "../view.ts";

/**
 * How a copy ends, and when, whose source answers unless `away` gives an error for the time;
 * `receive` is awaited in each pass.
 */
async function broughtFrom(
  kind: "copy" | "precopy",
  away: (atMs: number) => Error | undefined,
  receive: (clock: Clock, pass: TargetPass | undefined) => Promise<unknown> = () => Promise.resolve(),
) {
  const clock = manualClock();
  const summary = { hash: "h", bytes: 7, files: 1 };
  const jobs = new Jobs({
    clock,
    random: systemRandom(),
    log: silentLog,
    engine: {
      receive: async (...[, , , , { memory, pass: name } = {}]: Parameters<CopyEngine["receive"]>) => {
        const pass = memory?.begin(name);
        await receive(clock, pass);
        pass?.end();
        return summary;
      },
    } as unknown as CopyEngine,
    openDirectory: () => Promise.resolve({ fd: 0, lock: () => true, close: () => Promise.resolve() }),
    request: () => {
      const error = away(clock.monotonic());
      return error === undefined ? Promise.resolve(new Duplex()) : Promise.reject(error);
    },
    bandwidthOf: () => undefined,
  });
  const move = { metadata: { name: "m", uid: "u" }, spec: { from: "node-a" } };
  const view = { volume: "pvc-1", move } as unknown as VolumeView;
  const wanted = { epoch: 2, incarnation: "i" };
  let end: string | undefined;
  const done = (result: object): void => {
    end = "code" in result ? String(result.code) : "brought";
  };
  const incoming = { path: "/", begin: () => Promise.resolve(), arrived: () => Promise.resolve() };
  jobs.target[kind](view, "key", incoming, wanted, () => undefined, done);
  await settle();
  while (end === undefined && clock.monotonic() < 4_000_000) await clock.advance(1000);
  return { end, atMs: clock.monotonic() };
}

const VIEW = {
  volume: "pvc-1",
  localVolume: { spec: { policies: { maxDowntime: "60s" } } },
  move: { metadata: { name: "m", uid: "u" }, spec: { from: "node-a" } },
} as unknown as VolumeView;

/** Jobs on a node whose transfers are these. */
function jobsWith(receive: CopyEngine["receive"]) {
  const clock = manualClock();
  const requests: TransferRequest[] = [];
  const jobs = new Jobs({
    clock,
    random: systemRandom(),
    log: silentLog,
    engine: { receive } as unknown as CopyEngine,
    openDirectory: () => Promise.resolve({ fd: 0, lock: () => true, close: () => Promise.resolve() }),
    request: (_node, request) => {
      requests.push(request);
      return Promise.resolve(new Duplex());
    },
    bandwidthOf: () => undefined,
  });
  return { clock, jobs, requests };
}

const NOT_REACHED = peerErrors.NOT_REACHED({ node: "node-a", address: "10.0.0.1:9899", why: "ECONNREFUSED" });
const awayFor =
  (ms: number) =>
  (atMs: number): Error | undefined =>
    atMs < ms ? NOT_REACHED : undefined;

it("a live pass waits for a source whose agent is restarted", async () => {
  const { atMs, end } = await broughtFrom("precopy", awayFor(20_000));
  expect(end).toBe("brought");
  expect(atMs).toBeLessThan(27_000);
});

it("a live pass waits only for a source that does not answer, and not for ever", async () => {
  const gone = await broughtFrom("precopy", awayFor(Infinity));
  expect(gone.end).toBe("PEER_NOT_REACHED");
  expect(gone.atMs).toBeGreaterThanOrEqual(30_000);
  expect(gone.atMs).toBeLessThan(40_000);
  const full = await broughtFrom("precopy", () => transferErrors.TARGET_FULL({ path: "x", code: "ENOSPC" }));
  expect(full.end).toBe("TRANSFER_TARGET_FULL");
  expect(full.atMs).toBeLessThan(5_000);
});

it("the time of a pass until its stream broke does not count as waiting", async () => {
  const HOUR_MS = 3_600_000;
  let broken = false;
  const receive = async (clock: Clock): Promise<void> => {
    if (broken) return;
    await clock.sleep(HOUR_MS);
    broken = true;
    throw transferErrors.WIRE_BROKEN({ why: "ECONNRESET" });
  };
  const away = (atMs: number): Error | undefined => (broken && atMs < HOUR_MS + 20_000 ? NOT_REACHED : undefined);
  expect((await broughtFrom("precopy", away, receive)).end).toBe("brought");
});

it("a final pass gives up after three tries: the pods wait for it", async () => {
  const { atMs, end } = await broughtFrom("copy", awayFor(20_000));
  expect(end).toBe("PEER_NOT_REACHED");
  expect(atMs).toBeLessThan(5_000);
});

it("live passes continue until the final pass fits, and each is reported with its figures", async () => {
  const MIB = 1024 ** 2;
  const told: [number | undefined, number | undefined][] = [];
  // What each pass sends, and what the final pass would have to read, at 100 MiB/s.
  const passes = [
    [9000, 9000],
    [10, 6000],
    [10, 5000],
  ];
  const receive: CopyEngine["receive"] = async (_root, _stream, _signal, progress) => {
    const [sent = 0, toRead = 0] = passes.shift() ?? [];
    await clock.sleep(90_000);
    progress({ entries: 1, bytes: sent * MIB, kept: 0, source: { read: 9000 * MIB, toRead: toRead * MIB, heldMs: 0 } });
    return { hash: "h", bytes: 7, files: 1 } as Awaited<ReturnType<CopyEngine["receive"]>>;
  };
  const { clock, jobs, requests } = jobsWith(receive);
  let result: object | undefined;
  const incoming = { path: "/", begin: () => Promise.resolve(), arrived: () => Promise.resolve() };
  jobs.target.precopy(
    VIEW,
    "key",
    incoming,
    { epoch: 2, incarnation: "i" },
    ({ livePass }) => told.push([livePass?.number, livePass?.finalMs]),
    (end) => (result = end),
  );
  while (result === undefined && clock.monotonic() < 1_000_000) await clock.advance(1000);
  const last = { number: 3, sent: 10 * MIB, read: 9000 * MIB, toRead: 5000 * MIB, tookMs: 90_000, finalMs: 50_100 };
  expect(result).toEqual({ bytes: 7, files: 1, toSend: 10 * MIB, livePass: last });
  expect(told.filter(([, finalMs], index) => finalMs !== told[index - 1]?.[1])).toEqual([
    [1, 180_000],
    [2, 60_100],
  ]);
  expect(requests.map(({ figures }) => figures)).toEqual([true, true, true]);
});

describe("a connection that breaks again and again", () => {
  const BROKEN = transferErrors.WIRE_BROKEN({ why: "ECONNRESET" });
  const FILE = { head: { type: "file" } } as Entry;

  /** The tries of a copy whose connections break after so many files each. The next one holds. */
  async function triesOf(kind: "copy" | "precopy", files: readonly number[], error: Error = BROKEN) {
    let tries = 0;
    const receive = (_clock: Clock, pass: TargetPass | undefined): Promise<void> => {
      const arrive = files[tries++];
      for (let file = 0; file < (arrive ?? 0); file++) pass?.passed(FILE);
      return arrive === undefined ? Promise.resolve() : Promise.reject(error);
    };
    // No pause is as long as the patience with a source that does not answer.
    const { atMs, end } = await broughtFrom(kind, () => undefined, receive);
    return { atMs, end, tries };
  }

  const oneMore = Array.from({ length: 40 }, (_, index) => index + 1);
  /** More tries than the patience lasts. */
  const none = Array.from({ length: 60 }, () => 0);

  it("does not end a live pass that copies one more file each time", async () => {
    expect(await triesOf("precopy", oneMore.slice(0, 20))).toEqual({ end: "brought", tries: 21, atMs: 20_000 });
  });

  it("ends live passes in which more files arrive for ever but no pass ends", async () => {
    const { end, tries } = await triesOf("precopy", [...oneMore, ...oneMore.map((files) => 40 + files)]);
    expect(end).toBe("TRANSFER_WIRE_BROKEN");
    expect(tries).toBeLessThan(32);
  });

  it("ends a live pass that copies nothing new, after the time of a restart", async () => {
    const { atMs, end, tries } = await triesOf("precopy", none);
    expect(end).toBe("TRANSFER_WIRE_BROKEN");
    expect(tries).toBeLessThan(12);
    expect(atMs).toBeLessThan(40_000);
    const backAndForth = none.map((_, index) => [9, 3, 6][index % 3] ?? 0);
    expect(await triesOf("precopy", backAndForth)).toMatchObject({ end: "TRANSFER_WIRE_BROKEN", tries: tries + 1 });
  });

  it("ends a final pass after three tries, whatever they have copied", async () => {
    expect(await triesOf("copy", oneMore)).toMatchObject({ end: "TRANSFER_WIRE_BROKEN", tries: 3 });
  });

  it("is the only error after which new files count", async () => {
    const failed = transferErrors.FILE_FAILED({ path: "x", why: "EIO" });
    expect(await triesOf("precopy", oneMore, failed)).toMatchObject({ end: "TRANSFER_FILE_FAILED", tries: 3 });
  });

  it("waits the whole time for a source that is away after new files have arrived", async () => {
    const MINUTES_MS = 600_000;
    let passes = 0;
    const receive = async (clock: Clock, pass: TargetPass | undefined): Promise<void> => {
      passes += 1;
      if (passes > 2) return;
      await clock.sleep(MINUTES_MS);
      for (let file = 0; file < passes; file++) pass?.passed(FILE);
      throw BROKEN;
    };
    const away = (atMs: number): Error | undefined =>
      passes === 2 && atMs < 2 * MINUTES_MS + 20_000 ? NOT_REACHED : undefined;
    expect((await broughtFrom("precopy", away, receive)).end).toBe("brought");
  });
});
