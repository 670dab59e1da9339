// The invariants of a run. They are checked within each change of the store, before each removal on
// a disk, and when the product sends a request.
import { HELPER_VOLUME } from "../../src/classic/names.ts";
import type { Clock } from "../../src/effects/clock.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../src/kube/kinds.ts";
import type { KubeRequest } from "../../src/kube/kube.ts";
import { keyOf, uidOf, type ObjectMeta } from "../../src/kube/objects.ts";
import type { Change, LabApi } from "../../src/lab/index.ts";
import { isProvisioned, type ClusterView } from "./cluster-view.ts";
import type { Disk } from "./disk.ts";

export class Guard {
  readonly #view: ClusterView;
  readonly #namespace: string;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #patienceMs: number;
  readonly #onViolation: (text: string) => void;
  /** UIDs of claims whose volume was stored at some time. */
  readonly #stored = new Set<string>();
  /** Keys of deleted claims whose volume was never stored. */
  readonly #halfWay = new Set<string>();
  /** When the user set a volume to Retain. */
  readonly #rescuedAt = new Map<string, number>();
  /** When the removal of a volume first began. */
  readonly #begunAt = new Map<string, number>();
  /** Containers of helper pods that have started, including ended ones. */
  readonly #helpers = new Set<Helper>();

  /** `namespace` is the product's. */
  constructor(
    api: Pick<LabApi, "onChange">,
    view: ClusterView,
    options: {
      readonly namespace: string;
      readonly clock: Pick<Clock, "monotonic">;
      /** How old the answer may be that the product bases a removal on. */
      readonly patienceMs: number;
      readonly onViolation: (text: string) => void;
    },
  ) {
    this.#view = view;
    this.#namespace = options.namespace;
    this.#clock = options.clock;
    this.#patienceMs = options.patienceMs;
    this.#onViolation = options.onViolation;
    api.onChange("persistentvolumeclaims", (change) => {
      this.#claimChanged(change as unknown as Of<PersistentVolumeClaim>);
    });
    api.onChange("persistentvolumes", (change) => {
      this.#volumeChanged(change as unknown as Of<PersistentVolume>);
    });
  }

  /** Whether a claim of this name has been deleted before its volume was stored. */
  wasGivenUp(key: string): boolean {
    return this.#halfWay.has(key);
  }

  /**
   * Whether the user set this volume to Retain too late: its removal had already begun.
   */
  wasRescuedTooLate(volume: string): boolean {
    const rescued = this.#rescuedAt.get(volume);
    const begun = this.#begunAt.get(volume);
    return rescued !== undefined && begun !== undefined && begun <= rescued + this.#patienceMs;
  }

  /** Something on a disk is about to be removed. */
  removing(disk: Disk, path: string): void {
    for (const volume of this.#view.volumes()) {
      const place = this.#view.placeOf(volume);
      if (place?.disk !== disk || !overlap(place.path, path)) continue;
      const name = volume.metadata?.name ?? "";
      if (this.#view.isNeeded(volume))
        this.#onViolation(`${disk.name}:${path} is removed while the claim of ${name} lives`);
      if (volume.spec?.persistentVolumeReclaimPolicy !== "Delete" && !this.wasRescuedTooLate(name)) {
        this.#onViolation(`${disk.name}:${path} is removed although ${name} is retained`);
      }
    }
  }

  /**
   * A container begins to use a volume's directory: it writes its mark there and looks for marks of
   * other claims.
   */
  async using(disk: Disk, path: string): Promise<void> {
    const volume = this.#view.volumes().find((candidate) => {
      const place = this.#view.placeOf(candidate);
      return place?.disk === disk && place.path === path && this.#view.isNeeded(candidate);
    });
    const uid = volume?.spec?.claimRef?.uid;
    if (volume === undefined || uid === undefined) {
      this.#onViolation(`a container uses ${disk.name}:${path}, which is no claim's volume`);
      return;
    }
    if (volume.spec?.persistentVolumeReclaimPolicy === "Delete") {
      const kept = this.#view.volumes().filter((one) => one.spec?.persistentVolumeReclaimPolicy !== "Delete");
      const known = [uid, ...kept.map((one) => one.spec?.claimRef?.uid ?? "")].map(markOf);
      const others = disk.names(path).filter((name) => !known.includes(name));
      if (others.length > 0) this.#onViolation(`the claim of ${disk.name}:${path} finds ${others.join(", ")} in it`);
    }
    await disk.writeText(`${path}/${markOf(uid)}`, uid);
  }

  /** A container of a helper pod begins to work. */
  helping(helper: Helper): void {
    for (const other of this.#helpers) {
      if (!other.runs()) this.#helpers.delete(other);
      else if (meets(helper, other) && !this.#isRecordOnNoNode(helper, other)) {
        const where = `${helper.disk.name}:${helper.path}`;
        this.#onViolation(`${helper.pod.name} begins in ${where} while ${other.pod.name} works there`);
      }
    }
    this.#helpers.add(helper);
  }

  /**
   * On a shared file system, the create pod of an attempt that is given up may not be on a node
   * yet. No kubelet would end it, so it stays as the record while its directory is removed. If it
   * starts meanwhile, the directory is removed again (src/classic/attempts/plan-end.ts).
   */
  #isRecordOnNoNode(one: Helper, other: Helper): boolean {
    const volumeOf = ({ pod }: Helper): string => pod.annotations?.[HELPER_VOLUME] ?? "";
    const deletes = ({ pod }: Helper): boolean => pod.name?.includes("-delete-") === true;
    const isStored = this.#view.volumes().some(({ metadata }) => metadata?.name === volumeOf(one));
    return one.shared && volumeOf(one) === volumeOf(other) && deletes(one) !== deletes(other) && !isStored;
  }

  /** A replica sends a request. */
  sending(replica: string, { method, path, body }: KubeRequest): void {
    const { preconditions } = (body ?? {}) as { preconditions?: { uid?: string } };
    if (method === "DELETE" && /\/(persistentvolumes|pods)\//.test(path) && preconditions?.uid === undefined) {
      this.#onViolation(`${replica} deletes ${path} without naming a UID`);
    }
    const { metadata } = (body ?? {}) as { metadata?: ObjectMeta };
    if (method === "POST" && path.endsWith("/pods") && metadata?.name?.includes("-delete-") === true) {
      this.#begins(metadata.annotations?.[HELPER_VOLUME] ?? "");
      for (const { spec } of this.#view.leases(this.#namespace)) {
        const holder = spec?.holderIdentity ?? "";
        if (holder !== "" && !holder.startsWith(`${replica}_`)) {
          this.#onViolation(`${replica} begins ${metadata.name} while ${holder} leads`);
        }
      }
    }
  }

  #begins(volume: string): void {
    const now = this.#clock.monotonic();
    if (!this.#begunAt.has(volume)) this.#begunAt.set(volume, now);
    const rescued = this.#rescuedAt.get(volume);
    if (rescued !== undefined && now - rescued > this.#patienceMs) {
      this.#onViolation(`the removal of ${volume} begins although it is retained`);
    }
  }

  #claimChanged({ key, before, after }: Of<PersistentVolumeClaim>): void {
    const had = before?.spec?.volumeName ?? "";
    if (after === undefined) {
      if (before !== undefined && !this.#stored.has(uidOf(before))) this.#halfWay.add(key);
      return;
    }
    const has = after.spec?.volumeName ?? "";
    if (had !== "" && has !== had) this.#onViolation(`claim ${key} was bound to ${had} and is to ${has}`);
    if (has !== "") {
      const other = this.#view
        .claims()
        .find((claim) => claim.spec?.volumeName === has && uidOf(claim) !== uidOf(after));
      if (other !== undefined) this.#onViolation(`${has} is the volume of ${key} and of ${keyOf(other)}`);
    }
    if (after.status?.phase === "Lost") this.#onViolation(`claim ${key} is Lost`);
  }

  #volumeChanged({ key, before, after }: Of<PersistentVolume>): void {
    const volume = after ?? before;
    if (volume === undefined || !isProvisioned(volume)) return;
    const uid = volume.spec?.claimRef?.uid;
    if (before === undefined && after !== undefined) this.#volumeStored(key, after);
    if (before !== undefined && after !== undefined && before.spec?.claimRef?.uid !== uid) {
      this.#onViolation(`${key} was claimed by ${before.spec?.claimRef?.uid} and is by ${uid}`);
    }
    const retained = volume.spec?.persistentVolumeReclaimPolicy !== "Delete";
    if (retained && before?.spec?.persistentVolumeReclaimPolicy === "Delete") {
      this.#rescuedAt.set(key, this.#clock.monotonic());
    }
    if (after === undefined) {
      if (this.#view.isNeeded(volume)) this.#onViolation(`${key} was deleted while its claim lives`);
      if (retained && !this.wasRescuedTooLate(key)) this.#onViolation(`${key} was deleted although it is retained`);
    }
  }

  #volumeStored(key: string, volume: PersistentVolume): void {
    const uid = volume.spec?.claimRef?.uid;
    if (uid !== undefined) this.#stored.add(uid);
    const twin = this.#view
      .volumes()
      .find((other) => other.spec?.claimRef?.uid === uid && other.metadata?.name !== key);
    if (twin !== undefined) this.#onViolation(`${key} and ${twin.metadata?.name} are both for the claim ${uid}`);
    const place = this.#view.placeOf(volume);
    if (place?.disk.isDirectory(place.path) !== true) {
      this.#onViolation(`${key} was stored without its directory ${place?.disk.name}:${place?.path}`);
    }
  }
}

/** A container of a helper pod. */
export interface Helper {
  readonly pod: Pick<ObjectMeta, "name" | "uid" | "annotations">;
  readonly disk: Disk;
  /** All nodes have this disk, and the scheduler chooses the pod's. */
  readonly shared: boolean;
  /** The directory it makes or removes. */
  readonly path: string;
  readonly runs: () => boolean;
}

type Of<T> = Pick<Change, "key"> & { readonly before: T | undefined; readonly after: T | undefined };

/** The name of the file by which a claim recognizes its directory. */
export function markOf(uid: string): string {
  return `mark-${uid}`;
}

function meets(one: Helper, other: Helper): boolean {
  return one.pod.uid !== other.pod.uid && one.disk === other.disk && one.path === other.path;
}

function overlap(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}
