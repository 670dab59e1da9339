import { setTimeout as pause } from "node:timers/promises";
import type { KubeClient } from "../../src/kube/client.ts";
import { persistentVolumeClaims, pods, type PersistentVolumeClaim, type Pod } from "../../src/kube/kinds.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import type { Resource } from "../../src/kube/resource.ts";
import type { Course } from "./figures.ts";
import type { Moments } from "./moments.ts";
import type { Observer } from "./observer.ts";

/** The floor takes two minutes for 500 claims. */
const PATIENCE_MS = 400_000;
/**
 * Between two claims that are made alone: KCM's client has got back the handful of requests that
 * the last one cost.
 */
const BETWEEN_MS = 500;
/** As many connections as the client keeps. */
const CONNECTIONS = 100;

/** Creates claims at once and waits until all are Bound. */
export async function claimsAtOnce(
  client: KubeClient,
  observer: Observer,
  claims: readonly PersistentVolumeClaim[],
): Promise<Course[]> {
  return await atOnce(client, persistentVolumeClaims, claims, observer.bound);
}

/** Creates claims one after the other, each when the one before has been Bound for a while. */
export async function claimsInTurn(
  client: KubeClient,
  observer: Observer,
  claims: readonly PersistentVolumeClaim[],
): Promise<Course[]> {
  const courses: Course[] = [];
  for (const claim of claims) {
    await pause(BETWEEN_MS);
    courses.push(...(await atOnce(client, persistentVolumeClaims, [claim], observer.bound)));
  }
  return courses;
}

/** Creates pods at once, whose claims are there, and waits until all are scheduled. */
export async function podsAtOnce(client: KubeClient, observer: Observer, all: readonly Pod[]): Promise<Course[]> {
  return await atOnce(client, pods, all, observer.scheduled);
}

async function atOnce<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  objects: readonly T[],
  moments: Moments,
): Promise<Course[]> {
  await warm(client, Math.min(objects.length, CONNECTIONS));
  const started = await Promise.all(
    objects.map(async (object) => {
      const sent = performance.now();
      await client.create(resource, object);
      return { name: object.metadata?.name ?? "", sent, answered: performance.now() };
    }),
  );
  await moments.until(
    started.map(({ name }) => name),
    PATIENCE_MS,
  );
  return started.map(({ name, sent, answered }) => ({ sent, answered, reached: moments.of(name) ?? Number.NaN }));
}

/** Opens the connections first: what is measured is not our own TLS handshakes. */
async function warm(client: KubeClient, connections: number): Promise<void> {
  const request = { method: "GET", path: "/version" } as const;
  await Promise.all(Array.from({ length: connections }, () => client.kube.request(request)));
}
