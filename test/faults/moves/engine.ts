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
 *
 * Records go with the agent's process, as the memories do that they hang on.
 */
import { createHash } from "node:crypto";
import type { CopyEngine } from "../../../src/agent/transfer/engine.ts";
import type { TreeSummary } from "../../../src/agent/transfer/tree/summary.ts";
import type { Disk } from "../../../src/effects/disk.ts";
import type { ProcessEffects } from "../replica.ts";
import type { Machine } from "./machine.ts";
import type { FileState } from "./pages.ts";
import type { Tree, Wire } from "./wire.ts";

/** In the figures of a transfer a letter is a MiB: so some volumes take several live passes. */
const LETTER_BYTES = 1024 ** 2;
const BELIEVED_AGE_MS = 10_000;
const PROVEN_AGE_MS = 2_000;

/** Bugs of records, put in on purpose. */
export interface RecordBugs {
  /** The age of a change is judged against the moment at which the file was looked at. */
  readonly ageByStat?: boolean;
  /** The final pass believes what a live pass may believe. */
  readonly finalBelieves?: boolean;
  /** Records are kept when the machine starts again: those of an agent before it count. */
  readonly overBoot?: boolean;
}

interface Record {
  readonly state: FileState;
  readonly text: string;
  readonly proven: boolean;
  readonly believedBefore: number;
}

interface Pass {
  readonly pass: string;
  readonly files: ReadonlyMap<string, Record>;
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
    return mine ?? (bugs.overBoot === true ? (machine.lastPasses.get(volumeOf(path)) as Pass | undefined) : undefined);
  };
  const known = (memory: object | undefined, path: string, pass: string | undefined): Pass["files"] => {
    const found = last(memory, path);
    return found !== undefined && (found.pass === pass || bugs.overBoot === true) ? found.files : new Map();
  };
  const counts = ({ believedBefore, proven, state }: Record, now: FileState, mayBelieve: boolean): boolean =>
    isSame(state, now) && (proven || (mayBelieve && now.changedAt < believedBefore));

  return {
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
    send: async (fd, stream, signal, { base, memory, pass } = {}) => {
      const channel = wire.channelOf(stream);
      signal.addEventListener("abort", () => channel.break(signal.reason as Error), { once: true });
      const path = pathOf(fd);
      const onTarget = known(memory, path, base);
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
        const found = summed?.get(name);
        const content =
          pass === undefined
            ? found !== undefined && isSame(found.state, state)
              ? found.text
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
      channel.send({ files, kept });
      const taken = await life.hear(channel.taken);
      if (pass !== undefined && memory !== undefined) remember(memory, path, { pass, files: next });
      return taken;
    },
    receive: async (fd, stream, signal, progress, { memory, pass } = {}) => {
      const channel = wire.channelOf(stream);
      const stopped = (): void => channel.break(signal.reason as Error);
      signal.addEventListener("abort", stopped, { once: true });
      try {
        const { files, kept } = await life.hear(channel.tree);
        if (machine.trouble !== undefined) throw new Error(machine.trouble);
        const path = pathOf(fd);
        const mine = known(memory, path, memory?.pass);
        const tree = new Map<string, string>();
        for (const name of kept) {
          const record = mine.get(name);
          const state = machine.pages.stateOf(`${path}/${name}`);
          if (record === undefined || state === undefined || !isSame(record.state, state))
            throw new Error(`${name} was not sent, and nobody vouches for it`);
          tree.set(name, record.text);
        }
        for (const old of machine.disk.tree(path)) {
          if (!kept.has(old.slice(path.length + 1))) await disk.removeFile(old);
        }
        await clock.sleep(workMs(), signal);
        let arrived = { entries: 0, bytes: 0, kept: 0 };
        const told = (entries: number, letters: number): void => {
          const bytes = arrived.bytes + letters * LETTER_BYTES;
          arrived = { ...arrived, entries: arrived.entries + entries, bytes };
          progress(arrived);
        };
        for (const [name, text] of files) {
          signal.throwIfAborted();
          const half = Math.floor(text.length / 2);
          await disk.write(`${path}/${name}`, text.slice(0, half));
          machine.pages.write(`${path}/${name}`, text.slice(0, half));
          told(0, half);
          await clock.sleep(workMs(), signal);
          await disk.write(`${path}/${name}`, text);
          machine.pages.write(`${path}/${name}`, text);
          told(1, text.length - half);
          tree.set(name, text);
        }
        await disk.syncDirectory(path);
        machine.pages.sync();
        if (pass !== undefined && memory !== undefined) {
          memory.begin(pass).end();
          const now = filesAt(path);
          const records = [...tree].flatMap(([name, text]) => {
            const state = now.get(name)?.state;
            return state === undefined ? [] : [[name, { state, text, proven: true, believedBefore: 0 }] as const];
          });
          remember(memory, path, { pass, files: new Map(records) });
        }
        const summary = summaryOf(tree);
        channel.take(summary);
        return summary;
      } catch (error) {
        // The other end sees the connection close.
        channel.break(error as Error);
        throw error;
      } finally {
        signal.removeEventListener("abort", stopped);
      }
    },
  };
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
