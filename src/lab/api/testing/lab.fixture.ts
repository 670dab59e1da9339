import { expect } from "vitest";
import type { Random } from "../../../effects/random.ts";
import { manualClock, type ManualClock } from "../../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../../kube/client.ts";
import { KubeError } from "../../../kube/errors.ts";
import type { Kube } from "../../../kube/kube.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../../kube/kinds.ts";
import { seededRandom } from "../../../kube/testing/seeded-random.fixture.ts";
import { silentLog } from "../../../observe/log.ts";
import { LabApi, type LabOptions } from "../lab-api.ts";

export interface TestLab {
  readonly api: LabApi;
  readonly kube: Kube;
  readonly client: KubeClient;
  readonly clock: ManualClock;
  readonly random: Random;
}

/** A lab on a clock that stands still, with chance from a seed. */
export function testLab(options: LabOptions & { seed?: number } = {}): TestLab {
  const { seed = 1, ...rest } = options;
  const clock = manualClock();
  const random = seededRandom(seed);
  const api = new LabApi({ clock, random, log: silentLog }, rest);
  const kube = api.kube();
  return { api, kube, client: new KubeClient(kube), clock, random };
}

/** The error of a request that must fail. */
export async function refused(request: Promise<unknown>): Promise<KubeError> {
  const outcome: unknown = await request.then(
    () => "it succeeded",
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(KubeError);
  return outcome as KubeError;
}

/** The events that are there already, `count` of them. */
export async function take(stream: AsyncIterable<unknown>, count: number): Promise<{ type: string; object: Json }[]> {
  const iterator = stream[Symbol.asyncIterator]();
  const events: { type: string; object: Json }[] = [];
  while (events.length < count) {
    const next = await iterator.next();
    if (next.done === true) break;
    events.push(next.value as { type: string; object: Json });
  }
  return events;
}

export interface Json {
  readonly [field: string]: unknown;
  readonly metadata: Record<string, unknown>;
}

export function claim(name = "data", more: Partial<PersistentVolumeClaim> = {}): PersistentVolumeClaim {
  return {
    metadata: { name, namespace: "default" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    ...more,
  };
}

export function volume(name = "pv-1", more: Partial<PersistentVolume> = {}): PersistentVolume {
  return {
    metadata: { name },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      hostPath: { path: "/data/one" },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["a"] }] }],
        },
      },
    },
    ...more,
  };
}

export function pod(name = "web", more: { labels?: Record<string, string>; spec?: Partial<Pod["spec"]> } = {}): Pod {
  return {
    metadata: { name, namespace: "default", ...(more.labels === undefined ? {} : { labels: more.labels }) },
    spec: { containers: [{ name: "main", image: "busybox:1" }], ...more.spec },
  };
}
