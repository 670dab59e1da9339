import { setTimeout as pause } from "node:timers/promises";
import type { Ground } from "../../cluster/ground.ts";
import type { Claim } from "./objects.ts";

interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: Claim & { readonly message?: string };
}

/** The timeout of one watch in seconds. The next watch continues where it ended. */
const PART_SECONDS = 5;

/**
 * Watches all claims from before a burst to its end, through kubectl and not through the product's
 * client, which is under test. It sees every state that was in etcd, however short.
 */
export class ClaimWatch {
  readonly #ground: Ground;
  readonly #lost = new Set<string>();
  readonly #volumes = new Map<string, Set<string>>();
  #seen = 0;
  #ending = false;
  #following: Promise<void> | undefined;

  private constructor(ground: Ground) {
    this.#ground = ground;
  }

  static async open(ground: Ground): Promise<ClaimWatch> {
    const watch = new ClaimWatch(ground);
    const list = JSON.parse(await watch.#raw("/api/v1/persistentvolumeclaims?limit=1")) as {
      metadata: { resourceVersion: string };
    };
    watch.#following = watch.#follow(list.metadata.resourceVersion);
    watch.#following.catch(() => undefined);
    return watch;
  }

  /** Ends the watch once everything that is in etcd now has been seen. */
  async end(): Promise<{
    /** `namespace/name` of claims that were Lost at any time. */
    readonly lost: readonly string[];
    /** Claims, by UID, that had more than one volume over time. */
    readonly rebound: readonly string[];
    readonly events: number;
  }> {
    this.#ending = true;
    await this.#following;
    const rebound = [...this.#volumes].filter(([, names]) => names.size > 1).map(([uid]) => uid);
    return { lost: [...this.#lost], rebound, events: this.#seen };
  }

  async #follow(from: string): Promise<void> {
    let version = from;
    for (;;) {
      const last = this.#ending;
      const query = `watch=1&timeoutSeconds=${PART_SECONDS}&resourceVersion=${version}`;
      const text = await this.#raw(`/api/v1/persistentvolumeclaims?${query}`);
      for (const line of text.split("\n")) {
        if (line === "") continue;
        const event = JSON.parse(line) as WatchEvent;
        if (event.type === "ERROR") throw new Error(`the watch has a gap: ${event.object.message ?? line}`);
        version = event.object.metadata.resourceVersion;
        this.#note(event.object);
      }
      if (last) return;
      await pause(0);
    }
  }

  #note({ metadata, spec, status }: Claim): void {
    this.#seen++;
    if (status.phase === "Lost") this.#lost.add(`${metadata.namespace ?? ""}/${metadata.name}`);
    if (spec.volumeName === undefined || spec.volumeName === "") return;
    const names = this.#volumes.get(metadata.uid) ?? new Set();
    this.#volumes.set(metadata.uid, names.add(spec.volumeName));
  }

  async #raw(path: string): Promise<string> {
    const { code, stdout, stderr } = await this.#ground.kubectl(["get", "--raw", path]);
    if (code !== 0) throw new Error(`kubectl get --raw ${path}: ${stderr}`);
    return stdout;
  }
}
