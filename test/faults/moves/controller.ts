import { Registry } from "prom-client";
import { controllerParts } from "../../../src/programs/mooring/controller-parts.ts";
import { evictionDecider } from "../../../src/programs/mooring/webhook.ts";
import { runControllerProcess } from "../../../src/controller/process.ts";
import { EVICTION_PATH, evictionHandler } from "../../../src/controller/webhook/handler.ts";
import { KubeClient } from "../../../src/kube/client.ts";
import { EventRecorder } from "../../../src/kube/events/event-recorder.ts";
import { KubeMetrics } from "../../../src/kube/metrics.ts";
import { withRetries } from "../../../src/kube/pace/retry.ts";
import type { CallWebhook } from "../../../src/lab/index.ts";
import type { HttpsHandler } from "../../../src/observe/https-server.ts";
import { provisionMetrics } from "../../../src/provision/metrics.ts";
import type { Draw } from "../draw.ts";
import type { Life } from "../life.ts";
import type { ProcessEffects } from "../replica.ts";

export const MOORING = "mooring";

interface Endpoint {
  readonly handler: HttpsHandler;
  readonly life: Life;
}

/** The Service of the webhook. A request goes to one of the replicas that are alive. */
export class WebhookService {
  readonly #draw: Draw;
  readonly #endpoints = new Map<string, Endpoint>();

  constructor(draw: Draw) {
    this.#draw = draw;
  }

  /** A replica serves until it dies. */
  add(name: string, endpoint: Endpoint): void {
    this.#endpoints.set(name, endpoint);
    const leave = (): void => {
      if (this.#endpoints.get(name) === endpoint) this.#endpoints.delete(name);
    };
    endpoint.life.dead.addEventListener("abort", leave, { once: true });
  }

  readonly call: CallWebhook = async (_to, review, signal) => {
    const endpoints = [...this.#endpoints.values()];
    if (endpoints.length === 0) throw new Error('no endpoints available for service "mooring-webhook"');
    const { handler, life } = this.#draw.pick(endpoints);
    const body = Buffer.from(JSON.stringify(review));
    const late = new Promise<never>((_, reject) => {
      const over = (): void => reject(new Error("context deadline exceeded"));
      if (signal.aborted) over();
      else signal.addEventListener("abort", over, { once: true });
    });
    const answered = async (): Promise<unknown> => {
      await life.hear(Promise.resolve());
      const { body: text } = await life.hear(
        Promise.resolve(handler({ method: "POST", path: EVICTION_PATH, headers: {}, body, signal })),
      );
      return JSON.parse(text) as unknown;
    };
    return Promise.race([answered(), late]);
  };
}

/** Runs the shipped controller as one process. Its webhook is called without TLS. */
export async function playController(effects: ProcessEffects, service: WebhookService): Promise<void> {
  const { clock, hostname, kube, life, log, random } = effects;
  const registry = new Registry();
  const metrics = new KubeMetrics(registry);
  const client = new KubeClient(withRetries(kube, effects));
  const identity = `${hostname}_${random.uuid()}`;
  const recorder = new EventRecorder(
    { client, clock, random, log },
    { component: "mooring-controller", instance: identity },
  );
  const deps = { client, clock, random, log, recorder, metrics };
  const parts = controllerParts(deps, {
    namespace: MOORING,
    identity,
    keepers: { namespace: MOORING, image: "mooring", imagePullPolicy: "IfNotPresent" },
    webhook: {
      serve: async (watched, signal) => {
        await Promise.all(watched.informers.map((informer) => informer.synced(signal)));
        const decide = evictionDecider(deps, MOORING, watched);
        service.add(hostname, { handler: evictionHandler({ clock, log, decide }), life });
        await whenAborted(signal);
      },
      lead: whenAborted,
    },
  });
  const all = { ...deps, provisionMetrics: provisionMetrics(registry) };
  await runControllerProcess(all, parts, new AbortController().signal);
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
