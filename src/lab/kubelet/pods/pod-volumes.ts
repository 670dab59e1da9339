import type { Pod, Volume } from "kubernetes-types/core/v1.js";
import type { Clock } from "../../../effects/clock.ts";
import type { RecordedEvent } from "../../../kube/events/event-object.ts";
import type { Log } from "../../../observe/log.ts";
import { isTerminal } from "../../objects/pods.ts";
import { allEnded } from "./all-ended.ts";
import { MountFailure, mountVolume, writeConfigMap, type MountDeps } from "./mount-volume.ts";

const FIRST_MOUNT_RETRY_MS = 500;
const LONGEST_MOUNT_RETRY_MS = 122_000;
const LONGEST_CLAIM_RETRY_MS = 2_000;
/** After this time an event of the pod names all volumes that are not mounted. */
const MOUNT_TIMEOUT_MS = 123_000;
const CONFIG_MAP_REFRESH_MS = 60_000;

interface VolumesDeps extends MountDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly event: (pod: Pod, event: RecordedEvent) => void;
  /** The kubelet's end. */
  readonly signal: AbortSignal;
}

interface PodLife {
  /** As the server shows it now. */
  pod(): Pod;
  /** Whether the pod is ending: nothing may be mounted any more. */
  isEnding(): boolean;
  /** Sleeps, but not longer than until the pod ends. Rejects when the kubelet does. */
  pause(ms: number): Promise<void>;
}

/** The volumes of one pod on its node. */
export class PodVolumes {
  readonly #deps: VolumesDeps;
  readonly #life: PodLife;
  readonly #mounted = new Map<string, string>();
  #refresh: () => void = () => undefined;

  constructor(deps: VolumesDeps, life: PodLife) {
    this.#deps = deps;
    this.#life = life;
  }

  /** Where a volume is, once it is mounted. */
  pathOf(volume: string): string | undefined {
    return this.#mounted.get(volume);
  }

  /** Mounts all volumes, trying each again. False when the pod ends first. */
  async mountAll(): Promise<boolean> {
    const pod = this.#life.pod();
    const volumes = pod.spec?.volumes ?? [];
    const { clock, event } = this.#deps;
    const cancel = clock.after(MOUNT_TIMEOUT_MS, () => {
      const missing = volumes.map(({ name }) => name).filter((name) => !this.#mounted.has(name));
      if (missing.length === 0) return;
      const message = `Unable to attach or mount volumes: unmounted volumes=[${missing.join(" ")}], unattached volumes=[], failed to process volumes=[]: timed out waiting for the condition`;
      event(pod, { type: "Warning", reason: "FailedMount", message });
    });
    try {
      await allEnded(volumes.map((volume) => this.#mount(volume)));
    } finally {
      cancel();
    }
    return !this.#life.isEnding();
  }

  /**
   * Keeps ConfigMap volumes up to date until the pod ends: about a minute late, or as soon as the
   * pod itself is changed, as a real kubelet does.
   */
  async follow(): Promise<void> {
    const volumes = (this.#life.pod().spec?.volumes ?? []).filter(({ configMap }) => configMap !== undefined);
    while (volumes.length > 0 && !this.#life.isEnding() && !isTerminal(this.#life.pod())) {
      await Promise.race([
        this.#life.pause(CONFIG_MAP_REFRESH_MS),
        new Promise<void>((resolve) => {
          this.#refresh = resolve;
        }),
      ]);
      if (this.#life.isEnding() || this.#deps.signal.aborted) return;
      for (const volume of volumes) {
        const path = this.#mounted.get(volume.name);
        if (path === undefined) continue;
        await writeConfigMap(this.#deps, this.#life.pod(), volume, path).catch((error: unknown) => {
          this.#deps.log.debug("configmap volume not refreshed", { volume: volume.name, err: error });
        });
      }
    }
  }

  /**
   * Unpublishes what CSI drivers have published for the pod, trying again until nothing is left.
   * Its containers have ended.
   */
  async unmountAll(): Promise<void> {
    const { clock, csi, log, signal } = this.#deps;
    const { name, uid = "" } = this.#life.pod().metadata ?? {};
    for (let delay = FIRST_MOUNT_RETRY_MS; ; delay = Math.min(2 * delay, LONGEST_MOUNT_RETRY_MS)) {
      try {
        await csi.unpublishAll(uid);
        return;
      } catch (error) {
        signal.throwIfAborted();
        log.warn("volumes not unmounted, trying again", { pod: name, err: error });
        await clock.sleep(delay, signal);
      }
    }
  }

  /** Looks at ConfigMap volumes now. */
  refresh(): void {
    this.#refresh();
  }

  async #mount(volume: Volume): Promise<void> {
    const { event, signal } = this.#deps;
    for (let delay = FIRST_MOUNT_RETRY_MS; !this.#life.isEnding(); delay *= 2) {
      const pod = this.#life.pod();
      try {
        this.#mounted.set(volume.name, await mountVolume(this.#deps, pod, volume));
        return;
      } catch (error) {
        signal.throwIfAborted();
        const told = error instanceof MountFailure ? error.event : undefined;
        if (told !== undefined) event(pod, { type: "Warning", reason: "FailedMount", message: told });
        const longest = told === undefined ? LONGEST_CLAIM_RETRY_MS : LONGEST_MOUNT_RETRY_MS;
        await this.#life.pause(Math.min(delay, longest));
      }
    }
  }
}
