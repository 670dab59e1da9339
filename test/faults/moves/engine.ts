/*
 * The copy engine of a run. It copies trees of plain files, in two halves so that something can go
 * wrong in between, and keeps the records that the real one keeps (src/agent/transfer/passes), by
 * the same rules, over what the machine's kernel tells (pages.ts):
 *
 * - A live pass takes T0, syncs, and reads each file in two moments while the pods write: what it
 *   sends is no state that the volume ever had.
 * - It leaves a file out whose state is that of its record, when that is proven, or believed: it
 *   has changed more than 10 s before the T0 of the pass that read it. Proven is what nobody had
 *   open for writing and had not changed for 2 s.
 * - What is summed up below the seal counts a proven file by its record, and reads every other.
 * - A file that is not sent counts on the target by its record there, and is not read again. The
 *   target's records are of what it has synced.
 * - While files arrive in a live pass the target notes each that is whole. If the pass breaks, the
 *   next one continues it: the target syncs and tells how many files it has noted; the source names
 *   those that have not changed; and the target reads each of them from its disk before the note
 *   becomes a record. If one differs, the target forgets everything.
 *
 * Records go with the agent's process, as the memories do that they hang on.
 */
import { createHash } from "node:crypto";
import type { CopyEngine } from "../../../src/agent/transfer/engine.ts";
import { transferErrors } from "../../../src/agent/transfer/errors.ts";
import type { Entry } from "../../../src/agent/transfer/tree/entry.ts";
import type { TreeSummary } from "../../../src/agent/transfer/tree/summary.ts";
import type { Disk } from "../../../src/effects/disk.ts";
import type { ProcessEffects } from "../replica.ts";
import type { Machine } from "./machine.ts";
import type { FileState } from "./pages.ts";
import type { Has, Sent, Tree, Wire } from "./wire.ts";

/** In the figures of a transfer a letter is a MiB: so some volumes take several live passes. */
const LETTER_BYTES = 1024 ** 2;
/** How long a write is on its way that goes on although its pass was told to end. */
const SLOW_MS = 10_000;
const BELIEVED_AGE_MS = 10_000;
const PROVEN_AGE_MS = 2_000;
const NONE: ReadonlyMap<string, Record> = new Map();
const FILE = { head: { type: "file" } } as Entry;

/** Bugs of records, put in on purpose. */
export interface RecordBugs {
  /** The age of a change is judged against the moment at which the file was looked at. */
  readonly ageByStat?: boolean;
  /** The final pass believes what a live pass may believe. */
  readonly finalBelieves?: boolean;
  /** Records are kept when the machine starts again: those of an agent before it count. */
  readonly overBoot?: boolean;
  /** What is noted of a broken pass outlives a restart of the machine, and counts unread. */
  readonly unread?: boolean;
  /** Both sides take a live pass that broke for one that has ended well. */
  readonly brokenIsWhole?: boolean;
  /** A live pass that is told to end says that it has, and goes on writing. */
  readonly writesOn?: boolean;
}

interface Record {
  readonly state: FileState;
  readonly text: string;
  readonly proven: boolean;
  readonly believedBefore: number;
  /** It has arrived in a pass that broke, and was not read back. */
  readonly unread?: boolean;
}

interface Pass {
  readonly pass: string;
  readonly files: ReadonlyMap<string, Record>;
  /** The files of it that the target has, if it broke. Undefined: it is whole. */
  readonly arrived?: number | undefined;
}

/** A live pass of the source that has not ended. */
interface Begun extends Pass {
  readonly order: readonly string[];
  /** The earlier records. */
  readonly base: ReadonlyMap<string, Record>;
}

export interface EngineWorld {
  readonly machine: Machine;
  readonly wire: Wire;
  /** Milliseconds for a look at a tree, and for each half of a copy. */
  readonly workMs: () => number;
  /** How long a sync takes: pages are stored into meanwhile. */
  readonly syncMs: number;
  readonly bugs?: RecordBugs;
}

interface File {
  readonly state: FileState;
  readonly text: string;
}

export function engineOf(
  { clock, life }: ProcessEffects,
  { bugs = {}, machine, syncMs, wire, workMs }: EngineWorld,
  disk: Disk,
  pathOf: (fd: number) => string,
): CopyEngine {
  const passes = new WeakMap<object, Pass>();
  const begun = new WeakMap<object, Begun>();
  const sealed = new WeakMap<object, ReadonlyMap<string, File>>();

  const filesAt = (path: string): ReadonlyMap<string, File> =>
    new Map(
      machine.disk.tree(path).map((file) => {
        const state = machine.pages.stateOf(file) ?? { inode: 0n, changedAt: 0 };
        return [file.slice(path.length + 1), { state, text: machine.disk.text(file) ?? "" }];
      }),
    );
  const remember = (memory: object, path: string, pass: Pass): void => {
    passes.set(memory, pass);
    machine.lastPasses.set(volumeOf(path), pass);
  };
  /** What is remembered, whatever pass it is of. */
  const last = (memory: object | undefined, path: string): Pass | undefined => {
    const mine = memory === undefined ? undefined : passes.get(memory);
    return (
      mine ??
      (bugs.overBoot === true || bugs.unread === true
        ? (machine.lastPasses.get(volumeOf(path)) as Pass | undefined)
        : undefined)
    );
  };
  const known = (memory: object | undefined, path: string, pass: string | undefined): Pass["files"] => {
    const found = last(memory, path);
    return found !== undefined && (found.pass === pass || bugs.overBoot === true) ? found.files : new Map();
  };
  /** Of a pass that broke the source counts the files that have arrived, and earlier records. */
  const continueBroken = (memory: object | undefined, path: string, has: Has): void => {
    const broken = memory === undefined ? undefined : begun.get(memory);
    if (memory === undefined || broken === undefined || broken.pass !== has.pass) return;
    const files = new Map(broken.base);
    for (const name of broken.order.slice(0, has.arrived)) {
      const record = broken.files.get(name);
      if (record === undefined) files.delete(name);
      else files.set(name, record);
    }
    remember(memory, path, { pass: broken.pass, files, arrived: has.arrived });
    begun.delete(memory);
  };
  const counts = ({ believedBefore, proven, state }: Record, now: FileState, mayBelieve: boolean): boolean =>
    isSame(state, now) && (proven || (mayBelieve && now.changedAt < believedBefore));

  const engine: CopyEngine = {
    findUnmovable: () => Promise.resolve([]),
    summarize: async (fd, signal, memory) => {
      await clock.sleep(workMs(), signal);
      const path = pathOf(fd);
      const records = last(memory, path)?.files;
      const summed = new Map<string, File>();
      for (const [name, { state, text }] of filesAt(path)) {
        const record = records?.get(name);
        const trusted = record !== undefined && counts(record, state, bugs.finalBelieves === true);
        summed.set(name, { state, text: trusted ? record.text : text });
      }
      if (memory !== undefined) sealed.set(memory, summed);
      return summaryOf(textsOf(summed));
    },
    send: async (fd, stream, signal, { memory, pass } = {}) => {
      const channel = wire.channelOf(stream);
      signal.addEventListener("abort", () => channel.break(signal.reason as Error), { once: true });
      const path = pathOf(fd);
      const has = await life.hear(channel.has);
      continueBroken(memory, path, has);
      const found = last(memory, path);
      const onTarget = found?.arrived === has.arrived || bugs.overBoot === true ? known(memory, path, has.pass) : NONE;
      const began = clock.monotonic();
      if (pass !== undefined) {
        machine.pages.sync();
        await clock.sleep(syncMs + workMs(), signal);
      }
      const before = filesAt(path);
      const open = machine.openIn(path);
      if (pass !== undefined) await clock.sleep(workMs(), signal);
      const after = filesAt(path);
      const summed = memory === undefined ? undefined : sealed.get(memory);
      const order = [...before.keys()];
      const next = new Map<string, Record>();
      const kept = new Set<string>();
      const files = new Map<string, string>();
      for (const [name, { state, text }] of before) {
        const record = onTarget.get(name);
        const proven = !open.has(name) && state.changedAt < began - PROVEN_AGE_MS;
        if (pass !== undefined && record !== undefined && !proven && counts(record, state, true)) {
          kept.add(name);
          next.set(name, record);
          continue;
        }
        const sum = summed?.get(name);
        const content =
          pass === undefined
            ? sum !== undefined && isSame(sum.state, state)
              ? sum.text
              : text
            : torn(text, after.get(name)?.text);
        if (record?.text === content) kept.add(name);
        else files.set(name, content);
        const now = after.get(name)?.state;
        const at = bugs.ageByStat === true ? clock.monotonic() : began;
        if (now !== undefined && isSame(state, now)) {
          next.set(name, { state, text: content, proven, believedBefore: at - BELIEVED_AGE_MS });
        }
      }
      if (pass !== undefined && memory !== undefined) begun.set(memory, { pass, files: next, base: onTarget, order });
      const unproven = [...next.values()].filter(({ proven }) => !proven);
      if (bugs.brokenIsWhole === true && pass !== undefined && memory !== undefined) {
        remember(memory, path, { pass, files: next });
      }
      channel.send({ files, kept, order, toRead: unproven.reduce((sum, { text }) => sum + text.length, 0) });
      const taken = await life.hear(channel.taken);
      if (pass !== undefined && memory !== undefined) {
        remember(memory, path, { pass, files: next });
        begun.delete(memory);
      }
      return taken;
    },
    receive: async (fd, stream, told, progress, { memory, pass } = {}) => {
      const channel = wire.channelOf(stream);
      const writesOn = bugs.writesOn === true && pass !== undefined;
      const signal = writesOn ? new AbortController().signal : told;
      const stopped = (): void => channel.break(signal.reason as Error);
      signal.addEventListener("abort", stopped, { once: true });
      let sent: Sent | undefined;
      const path = pathOf(fd);
      try {
        const earlier = bugs.unread === true && memory?.pass === undefined ? last(memory, path) : undefined;
        const base = earlier?.pass ?? memory?.pass;
        const mine = new Map(known(memory, path, base));
        if (bugs.unread !== true && [...mine.values()].some(({ unread }) => unread === true)) machine.pages.sync();
        const whole = bugs.brokenIsWhole === true && memory !== undefined ? passes.get(memory) : undefined;
        channel.tell({
          pass: whole?.pass ?? base,
          arrived: whole === undefined ? (earlier?.arrived ?? memory?.lacking.arrived) : undefined,
        });
        sent = await life.hear(channel.tree);
        const { files, kept, order, toRead } = sent;
        if (machine.trouble !== undefined) throw new Error(machine.trouble);
        const live = pass === undefined ? undefined : memory?.begin(pass);
        const arrived = (): void => {
          live?.passed(FILE);
          if (pass === undefined || memory === undefined) return;
          remember(memory, path, { pass, files: mine, arrived: memory.lacking.arrived });
        };
        const tree = new Map<string, string>();
        for (const old of machine.disk.tree(path)) {
          const name = old.slice(path.length + 1);
          if (kept.has(name)) continue;
          mine.delete(name);
          await disk.removeFile(old);
        }
        await clock.sleep(workMs(), signal);
        let seen = { entries: 0, bytes: 0, kept: 0 };
        const count = (entries: number, letters: number): void => {
          seen = { ...seen, entries: seen.entries + entries, bytes: seen.bytes + letters * LETTER_BYTES };
          progress(seen);
        };
        for (const name of order) {
          signal.throwIfAborted();
          const at = `${path}/${name}`;
          const text = files.get(name);
          if (text === undefined) {
            const record = mine.get(name);
            const state = machine.pages.stateOf(at);
            const isThere = record !== undefined && state !== undefined && isSame(record.state, state);
            const isRead = bugs.unread === true || record?.unread !== true || machine.disk.text(at) === record.text;
            if (!isThere || !isRead) {
              memory?.forget();
              if (memory !== undefined) passes.delete(memory);
              machine.lastPasses.delete(volumeOf(path));
              throw transferErrors.NOT_KEPT({ path: name });
            }
            mine.set(name, { ...record, unread: false });
            tree.set(name, record.text);
            arrived();
            continue;
          }
          const half = Math.floor(text.length / 2);
          await disk.write(at, text.slice(0, half));
          machine.pages.write(at, text.slice(0, half));
          count(0, half);
          await clock.sleep(workMs(), signal);
          if (writesOn && told.aborted) await clock.sleep(SLOW_MS);
          // A connection that broke meanwhile brings nothing more.
          if (pass !== undefined && !writesOn && channel.broken !== undefined) throw channel.broken;
          await disk.write(at, text);
          machine.pages.write(at, text);
          count(1, text.length - half);
          tree.set(name, text);
          const state = machine.pages.stateOf(at);
          if (state !== undefined) mine.set(name, { state, text, proven: true, believedBefore: 0, unread: true });
          arrived();
        }
        await disk.syncDirectory(path);
        machine.pages.sync();
        if (pass !== undefined && memory !== undefined) {
          live?.end();
          const now = filesAt(path);
          const records = [...tree].flatMap(([name, text]) => {
            const state = now.get(name)?.state;
            return state === undefined ? [] : [[name, { state, text, proven: true, believedBefore: 0 }] as const];
          });
          remember(memory, path, { pass, files: new Map(records) });
        }
        if (pass !== undefined) progress({ ...seen, source: { read: toRead, toRead, heldMs: 0 } });
        const summary = summaryOf(tree);
        channel.take(summary);
        return summary;
      } catch (error) {
        if (bugs.brokenIsWhole === true && pass !== undefined && memory !== undefined && sent !== undefined) {
          remember(memory, path, { pass, files: claimed(sent, known(memory, path, memory.pass), filesAt(path)) });
        }
        // The other end sees the connection close.
        channel.break(error as Error);
        throw error;
      } finally {
        signal.removeEventListener("abort", stopped);
      }
    },
  };
  return bugs.writesOn === true
    ? { ...engine, receive: (...args) => endsTooSoon(engine.receive(...args), args[2]) }
    : engine;
}

/** Rejects as soon as the signal aborts, whatever the work still does. */
async function endsTooSoon<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined);
  const ended = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
  return Promise.race([work, ended]);
}

/** Records of all files of a pass, by what was sent and not by what has arrived. */
function claimed(
  { files, order }: Sent,
  before: ReadonlyMap<string, Record>,
  now: ReadonlyMap<string, File>,
): ReadonlyMap<string, Record> {
  return new Map(
    order.flatMap((name) => {
      const [state, text] = [now.get(name)?.state, files.get(name) ?? before.get(name)?.text];
      if (state === undefined || text === undefined) return [];
      return [[name, { state, text, proven: true, believedBefore: 0 }] as const];
    }),
  );
}

function isSame(a: FileState, b: FileState): boolean {
  return a.inode === b.inode && a.changedAt === b.changedAt;
}

function textsOf(files: ReadonlyMap<string, File>): Tree {
  return new Map([...files].map(([name, { text }]) => [name, text]));
}

/** `<pool>/volumes/<volume>/…` */
function volumeOf(path: string): string {
  return path.split("/volumes/")[1]?.split("/")[0] ?? path;
}

/** The first half of a file as it was, and the second half as it is by now. */
function torn(before: string, now = ""): string {
  const half = Math.floor(before.length / 2);
  return before.slice(0, half) + now.slice(half, before.length);
}

function summaryOf(tree: Tree): TreeSummary {
  const all = [...tree].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    hash: createHash("sha256").update(JSON.stringify(all)).digest("hex"),
    bytes: all.reduce((sum, [, text]) => sum + text.length, 0),
    files: tree.size,
    directories: 1,
    symlinks: 0,
    specials: 0,
    links: 0,
  };
}
