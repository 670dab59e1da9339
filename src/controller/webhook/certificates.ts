/*
 * The webhook's certificates: one Secret in our namespace, made by the first replica.
 *
 *   Secret:  absent ── made by any replica ──▶ whole ── renewed by the leader ──▶ whole …
 *   replica: waiting ── the Secret is whole ──▶ serving ── the Secret changes ──▶ serving …
 *   caBundle of the webhook configuration: the Secret's CAs, restored by the leader
 *
 * - The Secret is created in one write and changed by one patch that tests its resourceVersion. So
 *   it is never half written, and when two leaders write, one fails and reads it again.
 * - A replica serves only a certificate from the Secret, so all replicas serve the same one.
 * - After a crash between the write of the Secret and that of the webhook configuration, the next
 *   reconcile publishes the bundle. A new CA signs nothing before that (planCertificates).
 * - To get new certificates, an administrator deletes the Secret. Until the leader has published
 *   the new bundle, API servers do not trust the webhook, and its failurePolicy applies.
 */
import type { webcrypto } from "node:crypto";
import type { Random } from "../../effects/random.ts";
import type { KubeClient } from "../../kube/client.ts";
import { runController, type ControllerDeps, type ReconcileResult } from "../../kube/queue/controller.ts";
import { isAlreadyExists } from "../../kube/errors.ts";
import { Informer } from "../../kube/watch/informer.ts";
import { secrets, validatingWebhookConfigurations, type Secret } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import type { ServingCertificate } from "../../observe/https-server.ts";
import { planCaBundle, publishedIn } from "./plan-ca-bundle.ts";
import { renewCertificates } from "./renew-certificates.ts";
import { bundleOf, fromSecretData, toSecretData, type StoredCertificates } from "./stored-certificates.ts";

export interface WebhookCertificatesDeps extends ControllerDeps {
  readonly client: KubeClient;
  readonly random: Random;
  /** Makes keys and signatures. */
  readonly web: webcrypto.Crypto;
}

export interface WebhookCertificatesOptions {
  readonly namespace: string;
  /** The Service by which API servers reach the webhook. */
  readonly service: string;
  /** The ValidatingWebhookConfiguration whose webhooks get our caBundle. */
  readonly configuration: string;
}

export const WEBHOOK_SECRET = "mooring-webhook";

/** The leader checks this often, because an expiring certificate causes no watch event. */
export const RECHECK_MS = 600_000;
const KEY = "certificates";
const NONE: StoredCertificates = { authorities: [], authority: undefined, serving: undefined };

export class WebhookCertificates {
  readonly #deps: WebhookCertificatesDeps;
  readonly #options: WebhookCertificatesOptions;
  /** The DNS name by which API servers call the webhook. */
  readonly #name: string;
  readonly #secret: Informer<Secret>;
  #served: ServingCertificate | undefined;

  constructor(deps: WebhookCertificatesDeps, options: WebhookCertificatesOptions) {
    const { namespace, service } = options;
    this.#deps = deps;
    this.#options = options;
    this.#name = `${service}.${namespace}.svc`;
    this.#secret = new Informer(deps, {
      resource: secrets,
      namespace,
      fieldSelector: `metadata.name=${WEBHOOK_SECRET}`,
    });
  }

  /**
   * For every replica: passes each serving certificate to `use`, the first as soon as it exists.
   * When `use` rejects, it is called again later. Resolves when the signal is aborted.
   */
  async follow(use: (certificate: ServingCertificate) => void | Promise<void>, signal: AbortSignal): Promise<void> {
    const running = this.#secret.run(signal);
    try {
      await this.#secret.synced(signal);
      await this.#loop("webhook-certificate", [this.#secret], (stop) => this.#serve(use, stop), signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    await running;
  }

  /**
   * For the leader, while `follow` runs: renews certificates before they expire and publishes the
   * bundle. Resolves when the signal is aborted.
   */
  async lead(signal: AbortSignal): Promise<void> {
    const configuration = new Informer(this.#deps, {
      resource: validatingWebhookConfigurations,
      fieldSelector: `metadata.name=${this.#options.configuration}`,
    });
    const running = configuration.run(signal);
    await this.#loop("webhook-authority", [this.#secret, configuration], (stop) => this.#renew(stop), signal);
    await running;
  }

  async #loop(
    name: string,
    watched: readonly { onChange(handler: () => void): () => void }[],
    reconcile: (signal: AbortSignal) => Promise<ReconcileResult>,
    signal: AbortSignal,
  ): Promise<void> {
    const queue = new WorkQueue(this.#deps, { name });
    const look = (): void => {
      queue.add(KEY);
    };
    const stops = watched.map((informer) => informer.onChange(look));
    look();
    try {
      await runController(this.#deps, { name, queue, workers: 1, reconcile: (_key, stop) => reconcile(stop) }, signal);
    } finally {
      for (const stop of stops) stop();
      queue.shutDown();
    }
  }

  async #serve(
    use: (certificate: ServingCertificate) => void | Promise<void>,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const secret = this.#secret.store.get(`${this.#options.namespace}/${WEBHOOK_SECRET}`);
    if (secret === undefined) {
      await this.#create(await this.#renewed(NONE, []), signal);
      return;
    }
    const { serving } = await this.#read(secret);
    if (serving === undefined) {
      this.#deps.log.warn("the webhook's Secret holds no serving certificate that works; the leader makes one");
      return;
    }
    if (this.#served?.cert === serving.pem && this.#served.key === serving.key) return;
    const certificate = { cert: serving.pem, key: serving.key };
    await use(certificate);
    this.#served = certificate;
    this.#deps.log.info("the webhook serves a certificate", { until: new Date(serving.notAfter).toISOString() });
  }

  async #renew(signal: AbortSignal): Promise<ReconcileResult> {
    const { client } = this.#deps;
    const { configuration: name, namespace } = this.#options;
    const secret = await client.find(secrets, { name: WEBHOOK_SECRET, namespace }, { signal });
    const configuration = await client.find(validatingWebhookConfigurations, { name }, { signal });
    const stored = secret === undefined ? NONE : await this.#read(secret);
    const renewed = await this.#renewed(stored, publishedIn(configuration));
    if (secret === undefined) {
      await this.#create(renewed, signal);
      // Perhaps another replica was first: only what is stored is published.
      return { requeueAfterMs: 0 };
    }
    if (renewed !== stored) await this.#patch(secret, renewed, signal);
    const patch = configuration === undefined ? [] : planCaBundle(configuration, bundleOf(renewed));
    if (patch.length > 0) {
      await client.patchJson(validatingWebhookConfigurations, { name }, patch, { signal });
      this.#deps.log.info("published the webhook's certificate authorities", { configuration: name });
    }
    return { requeueAfterMs: RECHECK_MS };
  }

  #read(secret: Secret): Promise<StoredCertificates> {
    return fromSecretData(secret.data ?? {}, this.#name, this.#deps.web);
  }

  async #renewed(stored: StoredCertificates, published: readonly string[]): Promise<StoredCertificates> {
    const { clock, log } = this.#deps;
    const snapshot = { stored, published, now: clock.now() };
    return await renewCertificates(this.#deps, snapshot, this.#name, (step) => {
      log.info("renewing the webhook's certificates", step);
    });
  }

  async #create(stored: StoredCertificates, signal: AbortSignal): Promise<void> {
    const metadata = { name: WEBHOOK_SECRET, namespace: this.#options.namespace };
    const secret: Secret = { metadata, type: "Opaque", data: { ...toSecretData(stored) } };
    try {
      await this.#deps.client.create(secrets, secret, { signal });
    } catch (error) {
      // Another replica was first: the watch delivers its certificates.
      if (!isAlreadyExists(error)) throw error;
    }
  }

  async #patch(secret: Stored<Secret>, stored: StoredCertificates, signal: AbortSignal): Promise<void> {
    const { name, namespace, resourceVersion } = secret.metadata;
    await this.#deps.client.patchJson(
      secrets,
      { name, namespace },
      [
        { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
        { op: "add", path: "/data", value: { ...secret.data, ...toSecretData(stored) } },
      ],
      { signal },
    );
  }
}
