import type { PersistentVolume, PersistentVolumeClaim, Pod } from "kubernetes-types/core/v1.js";
import type { StorageClass } from "kubernetes-types/storage/v1.js";
import type { KubeClient } from "../../../kube/client.ts";
import type { RecordedEvent } from "../../../kube/events/event-object.ts";
import type { EventRecorder } from "../../../kube/events/event-recorder.ts";
import { persistentVolumeClaims, persistentVolumes } from "../../../kube/kinds.ts";
import type { Store } from "../../../kube/watch/store.ts";
import type { Log } from "../../../observe/log.ts";
import { about } from "../../objects/owners.ts";
import type { ObjectCache } from "./object-cache.ts";
import type { Operations } from "./operations.ts";

/** The state that the two workers of the binder share. */
export interface BinderState {
  readonly client: KubeClient;
  readonly recorder: EventRecorder;
  readonly log: Log;
  /** What the workers have taken in; see ObjectCache. */
  readonly volumes: ObjectCache<PersistentVolume>;
  readonly claims: ObjectCache<PersistentVolumeClaim>;
  /** The informers' caches, which may be ahead. */
  readonly listed: {
    readonly volumes: Store<PersistentVolume>;
    readonly claims: Store<PersistentVolumeClaim>;
    readonly classes: Store<StorageClass>;
    readonly podsByClaim: (claimKey: string) => readonly Pod[];
  };
  readonly operations: Operations;
  enqueueClaim(key: string): void;
  enqueueVolume(name: string): void;
}

export function claimEvent(
  { recorder }: BinderState,
  claim: PersistentVolumeClaim,
  type: RecordedEvent["type"],
  reason: string,
  message: string,
): void {
  recorder.record(about(persistentVolumeClaims, claim), { type, reason, message });
}

export function volumeEvent(
  { recorder }: BinderState,
  volume: PersistentVolume,
  type: RecordedEvent["type"],
  reason: string,
  message: string,
): void {
  recorder.record(about(persistentVolumes, volume), { type, reason, message });
}

/** `namespace/name` of the claim that a volume names. */
export function claimKeyOf(volume: PersistentVolume): string {
  const { namespace = "", name = "" } = volume.spec?.claimRef ?? {};
  return `${namespace}/${name}`;
}
