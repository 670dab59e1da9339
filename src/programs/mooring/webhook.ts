import { webcrypto } from "node:crypto";
import { WebhookCertificates } from "../../controller/webhook/certificates.ts";
import { evictionHandler, type DecideEviction } from "../../controller/webhook/handler.ts";
import type { Clock } from "../../effects/clock.ts";
import type { Random } from "../../effects/random.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { KubeMetrics } from "../../kube/metrics.ts";
import { AskedRecorder } from "../../move/hold/asked.ts";
import { decideEviction } from "../../move/hold/decide.ts";
import { readEviction } from "../../move/hold/read.ts";
import { serveHttps, type HttpsServer } from "../../observe/https-server.ts";
import type { Log } from "../../observe/log.ts";
import type { MooringWatch } from "./watched.ts";

export interface WebhookDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: KubeMetrics;
}

export interface WebhookOptions {
  readonly namespace: string;
  readonly port: number;
}

const SERVICE = "mooring-webhook";
const CONFIGURATION = "mooring";

/** The webhook on evictions: every replica serves it, the leader keeps its certificates. */
export class Webhook {
  readonly #deps: WebhookDeps;
  readonly #options: WebhookOptions;
  readonly #certificates: WebhookCertificates;
  #isServing = false;

  constructor(deps: WebhookDeps, options: WebhookOptions) {
    this.#deps = deps;
    this.#options = options;
    const { namespace } = options;
    this.#certificates = new WebhookCertificates(
      { ...deps, web: webcrypto as webcrypto.Crypto },
      { namespace, service: SERVICE, configuration: CONFIGURATION },
    );
  }

  /** Whether this replica answers evictions now. */
  get isServing(): boolean {
    return this.#isServing;
  }

  /**
   * Serves until the signal is aborted. Begins once there is a certificate and all informers have
   * synced.
   */
  async serve(watched: MooringWatch, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    const { namespace, port } = this.#options;
    const handler = evictionHandler({ clock, log, decide: evictionDecider(this.#deps, namespace, watched) });
    let server: HttpsServer | undefined;
    try {
      await Promise.all(watched.informers.map((informer) => informer.synced(signal)));
      await this.#certificates.follow(async (certificate) => {
        if (server === undefined) server = await serveHttps({ port, certificate, clock, log }, handler);
        else server.exchange(certificate);
        this.#isServing = true;
        log.info("the eviction webhook serves", { port });
      }, signal);
    } finally {
      this.#isServing = false;
      await server?.close();
    }
  }

  /** Renews and publishes the certificates until the signal is aborted. */
  async lead(signal: AbortSignal): Promise<void> {
    await this.#certificates.lead(signal);
  }
}

/**
 * Decides about evictions from a replica's caches, and records the asks that it answers with 429.
 */
export function evictionDecider(
  deps: Omit<WebhookDeps, "metrics">,
  namespace: string,
  { cluster, kinds, pods }: MooringWatch,
): DecideEviction {
  const sources = {
    ...deps,
    namespace,
    controllerUser: `system:serviceaccount:${namespace}:mooring-controller`,
    pods,
    claims: cluster.claims,
    persistentVolumes: cluster.volumes,
    nodes: cluster.nodes,
    volumes: kinds.localVolumes,
    moves: kinds.moves,
    pools: kinds.pools,
  };
  const recorder = new AskedRecorder(sources);
  return async (asked, signal) => {
    const decision = decideEviction(await readEviction(sources, asked, signal));
    if (decision.answer === "hold" && !asked.dryRun) recorder.record(decision.record);
    return decision;
  };
}
