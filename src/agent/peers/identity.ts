import type { Clock } from "../../effects/clock.ts";
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
}

/**
 * The agent's certificates, rotated whenever somebody asks for them. Ask at least once an hour:
 * with each renewal of the StorageNode.
 */
export class AgentIdentity {
  readonly #options: AgentIdentityOptions;
  #certificates: readonly Certificate[] | undefined;
  /** Two that ask at once do not make two certificates. */
  #asking: Promise<Identity> | undefined;

  constructor(options: AgentIdentityOptions) {
    this.#options = options;
  }

  /**
   * What to show and to publish now, after the steps of the rotation that are due. Rejects when the
   * store does.
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
    for (;;) {
      const now = clock.now();
      const plan = planRotation(certificates, now);
      if (plan.step === "wait") break;
      certificates =
        plan.step === "make"
          ? [...certificates, await make(now)]
          : certificates.filter((one) => !plan.fingerprints.includes(one.fingerprint));
      await store.save(certificates);
    }
    this.#certificates = certificates;
    const shown = shownCertificate(certificates, clock.now());
    if (shown === undefined) throw new Error("the rotation of certificates left none");
    return { shown, fingerprints: certificates.map((one) => one.fingerprint) };
  }
}
