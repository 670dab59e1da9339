import type { Clock } from "../../effects/clock.ts";
import type { Log } from "../../observe/log.ts";
import { planRotation, shownCertificate, type Certificate } from "./certificates.ts";

/** Keeps the certificates of an agent over its restarts. */
export interface CertificateStore {
  /** The stored list, oldest first; empty when nothing usable is stored. */
  load(): Promise<readonly Certificate[]>;
  /** Durable when it resolves. */
  save(certificates: readonly Certificate[]): Promise<void>;
}

/** What the agent shows and publishes at the moment. */
export interface Identity {
  readonly shown: Certificate;
  /** For StorageNode.status.agent.fingerprints. */
  readonly fingerprints: readonly string[];
}

export interface AgentIdentityOptions {
  readonly clock: Clock;
  readonly store: CertificateStore;
  readonly make: (now: number) => Promise<Certificate>;
  readonly log: Log;
}

/**
 * The agent's certificates, rotated whenever somebody asks for them. Ask at least once an hour:
 * with each renewal of the StorageNode.
 */
export class AgentIdentity {
  readonly #options: AgentIdentityOptions;
  #certificates: readonly Certificate[] | undefined;
  #areStored = true;
  /** Two that ask at once do not make two certificates. */
  #asking: Promise<Identity> | undefined;

  constructor(options: AgentIdentityOptions) {
    this.#options = options;
  }

  /**
   * What to show and to publish now, after the steps of the rotation that are due. A step that
   * cannot be stored, as on a full disk, is logged and tried again when somebody asks: the pods of
   * the node must not wait for it.
   */
  current(): Promise<Identity> {
    this.#asking ??= this.#rotate().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #rotate(): Promise<Identity> {
    const { clock, store, make } = this.#options;
    let certificates = this.#certificates ?? (await store.load());
    if (!this.#areStored) this.#areStored = await this.#save(certificates);
    for (;;) {
      const now = clock.now();
      const plan = planRotation(certificates, now);
      if (plan.step === "wait") break;
      const next =
        plan.step === "make"
          ? [...certificates, await make(now)]
          : certificates.filter((one) => !plan.fingerprints.includes(one.fingerprint));
      const isStored = await this.#save(next);
      if (!isStored && certificates.length > 0) break;
      // Without any certificate the agent cannot serve. So the first one is used although it could
      // not be stored and a restart loses it.
      this.#areStored = isStored;
      certificates = next;
    }
    this.#certificates = certificates;
    const shown = shownCertificate(certificates, clock.now());
    if (shown === undefined) throw new Error("the rotation of certificates left none");
    return { shown, fingerprints: certificates.map((one) => one.fingerprint) };
  }

  async #save(certificates: readonly Certificate[]): Promise<boolean> {
    const { log, store } = this.#options;
    try {
      await store.save(certificates);
      return true;
    } catch (error) {
      log.error("the agent's certificates cannot be stored", { err: error });
      return false;
    }
  }
}
