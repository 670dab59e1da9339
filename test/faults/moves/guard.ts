/*
 * The invariants of a run of moves. They are checked within each change of the store:
 *
 *   - The epoch of a volume only grows, and its incarnation stays.
 *   - A volume's place changes together with its epoch, and only by a move that has committed.
 *   - At most one copy of a volume, over all disks, is Active: the one that may be published.
 *   - A move is committed only on reports of its current sealing: sealed at the source, and copied
 *     to the target with the same digest, or a tombstone at the source.
 *   - In that moment every file of the copy is that of the sealed source, unless the claim is gone.
 *   - What is committed stays committed.
 *
 * The containers themselves check that no acknowledged record is lost (workload.ts).
 */
import type { LocalVolume } from "../../../src/api/kinds/local-volume.ts";
import type { VolumeCopy } from "../../../src/api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../../src/api/kinds/volume-move.ts";
import type { Change, LabApi } from "../../../src/lab/index.ts";
import type { Machine } from "./machine.ts";

type Of<T> = Pick<Change, "key"> & { readonly before: T | undefined; readonly after: T | undefined };

export const POOL = "/var/lib/mooring/default";

export function guardMoves(
  api: Pick<LabApi, "objects" | "onChange">,
  machines: readonly Machine[],
  violated: (text: string) => void,
): void {
  const onlyOneActive = (volume: string): void => {
    const active = machines.flatMap((machine) => activeCopies(machine, volume));
    if (active.length > 1) violated(`${volume} has ${String(active.length)} active copies: ${active.join(", ")}`);
  };
  api.onChange("localvolumes.mooring.dev", (change) => {
    onlyOneActive(change.key);
    for (const text of volumeChange(change as unknown as Of<LocalVolume>)) violated(text);
  });
  api.onChange("volumemoves.mooring.dev", (change) => {
    const copies = api.objects("volumecopies.mooring.dev") as unknown as readonly VolumeCopy[];
    for (const text of moveChange(change as unknown as Of<VolumeMove>, copies)) violated(text);
    const volumes = api.objects("localvolumes.mooring.dev") as unknown as readonly LocalVolume[];
    // What is being reclaimed is nobody's any more, and either copy may have gone.
    const owed = new Set(volumes.filter(({ spec }) => !spec.reclaim).map(({ metadata }) => metadata?.name ?? ""));
    for (const text of unequalFiles(change as unknown as Of<VolumeMove>, copies, machines, owed)) violated(text);
  });
  api.onChange("volumecopies.mooring.dev", ({ key }) => {
    onlyOneActive(key.slice(0, key.lastIndexOf(".")));
  });
}

/** What is wrong about a change of a LocalVolume. */
export function* volumeChange({ key, before, after }: Of<LocalVolume>): Generator<string> {
  if (before === undefined || after === undefined || before.metadata?.uid !== after.metadata?.uid) return;
  const { epoch, incarnation, nodeName } = after.spec;
  if (epoch < before.spec.epoch) yield `the epoch of ${key} went from ${String(before.spec.epoch)} to ${String(epoch)}`;
  if (incarnation !== before.spec.incarnation) yield `the incarnation of ${key} has changed`;
  if (nodeName !== before.spec.nodeName && epoch !== before.spec.epoch + 1) {
    yield `${key} went from ${before.spec.nodeName} to ${nodeName} within an epoch`;
  }
}

/** What is wrong about a change of a VolumeMove; `copies` as they are in that moment. */
export function* moveChange({ key, before, after }: Of<VolumeMove>, copies: readonly VolumeCopy[]): Generator<string> {
  if (before?.status?.committed === true && after !== undefined && after.status?.committed !== true) {
    yield `move ${key} is not committed any more`;
  }
  if (after?.status?.committed !== true || before?.status?.committed === true) return;
  const { sealing, target, volumes = [] } = after.status;
  for (const { name } of volumes) {
    const reportOf = (node: string | undefined) => {
      const report = copies.find(({ spec }) => spec.volume === name && spec.nodeName === node)?.status?.move;
      return report?.moveUID === after.metadata?.uid && report?.sealing === sealing ? report : undefined;
    };
    const source = reportOf(after.spec.from);
    const copied = reportOf(target);
    if (source?.state !== "Sealed") yield `move ${key} was committed although ${name} is not sealed`;
    else if (source.tombstone !== true && (copied?.state !== "Copied" || copied.digest !== source.digest)) {
      yield `move ${key} was committed although the copy of ${name} is not equal`;
    }
  }
}

/** Files of a copy that is committed in this moment and that are not those of its source. */
export function* unequalFiles(
  { key, before, after }: Of<VolumeMove>,
  copies: readonly VolumeCopy[],
  machines: readonly Machine[],
  owed: ReadonlySet<string>,
): Generator<string> {
  if (after?.status?.committed !== true || before?.status?.committed === true) return;
  const { from } = after.spec;
  const source = machines.find(({ name }) => name === from);
  const target = machines.find(({ name }) => name === after.status?.target);
  if (source === undefined || target === undefined) return;
  for (const { name } of after.status.volumes ?? []) {
    const report = copies.find(({ spec }) => spec.volume === name && spec.nodeName === from)?.status?.move;
    // What a machine has lost since it was restarted is compared again before the next commit.
    if (!owed.has(name) || report?.tombstone === true || report?.bootID !== source.bootID) continue;
    const [had, has] = [
      filesOf(source, name, ({ state }) => state === "Sealed"),
      filesOf(target, name, ({ directory }) => directory.endsWith(after.metadata?.uid ?? " ")),
    ];
    for (const file of new Set([...had.keys(), ...has.keys()])) {
      if (had.get(file) !== has.get(file)) yield `move ${key} was committed although ${file} of ${name} differs`;
    }
  }
}

function filesOf(machine: Machine, volume: string, is: (copy: CopyOnDisk) => boolean): ReadonlyMap<string, string> {
  const copy = copiesOn(machine).find((one) => one.volume === volume && is(one));
  if (copy === undefined) return new Map();
  const files = machine.disk.tree(copy.path);
  return new Map(files.map((file) => [file.slice(copy.path.length + 1), machine.disk.text(file) ?? ""]));
}

/** `<node>:<directory>` of the copies that their copy.json calls Active. */
export function activeCopies(machine: Machine, volume: string): readonly string[] {
  return copiesOn(machine)
    .filter((copy) => copy.volume === volume && copy.state === "Active")
    .map(({ directory }) => `${machine.name}:${directory}`);
}

export interface CopyOnDisk {
  readonly volume: string;
  /** Below the volume's. */
  readonly directory: string;
  readonly state: string;
  readonly tombstone: boolean;
  /** Of the data. */
  readonly path: string;
}

const COPY_FILE = /^\/var\/lib\/mooring\/default\/volumes\/([^/]+)\/([^/.][^/]*)\/copy\.json$/;

/** What the disk of a machine holds, by its copy.json files. */
export function copiesOn(machine: Machine): readonly CopyOnDisk[] {
  if (machine.disk.inodeOf(`${POOL}/volumes`) === undefined) return [];
  return machine.disk.tree(`${POOL}/volumes`).flatMap((path) => {
    const [, volume, directory] = COPY_FILE.exec(path) ?? [];
    if (volume === undefined || directory === undefined) return [];
    const { state, tombstone, data } = JSON.parse(machine.disk.text(path) ?? "{}") as Record<string, unknown>;
    const at = `${POOL}/volumes/${volume}/${directory}`;
    const named = typeof data === "string" ? data : "data";
    return [{ volume, directory, state: String(state), tombstone: tombstone === true, path: `${at}/${named}` }];
  });
}
