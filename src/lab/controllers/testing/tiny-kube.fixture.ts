import type { Kube, KubeRequest } from "../../../kube/kube.ts";
import type { KubeObject, ObjectMeta } from "../../../kube/objects.ts";
import { MemoryKube } from "../../../kube/testing/memory-kube.fixture.ts";

/**
 * MemoryKube with what these controllers need besides: the binding of pods, generateName,
 * finalizers, the graceful deletion of pods that are on a node, and the status of an object apart
 * from the rest in a PUT.
 */
export class TinyKube implements Kube {
  readonly memory = new MemoryKube();
  #names = 0;

  async request<T = unknown>(request: KubeRequest): Promise<T> {
    const { memory } = this;
    if (request.method === "POST" && request.path.endsWith("/binding")) {
      await memory.intercept(request);
      const path = request.path.slice(0, -"/binding".length);
      const pod = memory.at(path) as (KubeObject & { spec?: object }) | undefined;
      const { target } = request.body as { target: { name: string } };
      memory.log.push(`POST ${request.path}`);
      if (pod !== undefined) memory.put(path, { ...pod, spec: { ...pod.spec, nodeName: target.name } } as KubeObject);
      return {} as T;
    }
    if (request.method === "POST") return memory.request<T>({ ...request, body: this.#named(request.body) });
    if (request.method === "DELETE" && this.#deleteGracefully(request)) return {} as T;
    if (request.method === "PUT" && request.path.endsWith("/status")) {
      const now = memory.at(request.path.slice(0, -"/status".length)) as { metadata?: ObjectMeta } | undefined;
      const { metadata, status } = request.body as { metadata?: ObjectMeta; status?: unknown };
      const merged = { ...now, status, metadata: { ...now?.metadata, resourceVersion: metadata?.resourceVersion } };
      return memory.request<T>({ ...request, body: merged });
    }
    const answer = await memory.request<T>(request);
    if (request.method === "PUT" || request.method === "PATCH") this.#collect(request.path.replace(/\/status$/, ""));
    return answer;
  }

  stream(request: KubeRequest): Promise<AsyncIterable<unknown>> {
    return this.memory.stream(request);
  }

  /** As a person with kubectl does it: finalizers and grace hold. */
  remove(path: string): void {
    if (!this.#deleteGracefully({ method: "DELETE", path })) this.memory.remove(path);
  }

  #named(body: unknown): unknown {
    const { metadata } = body as KubeObject;
    if (metadata?.generateName === undefined || metadata.name !== undefined) return body;
    this.#names += 1;
    return { ...(body as object), metadata: { ...metadata, name: `${metadata.generateName}${this.#names}` } };
  }

  #deleteGracefully(request: KubeRequest): boolean {
    const object = this.memory.at(request.path) as
      (KubeObject & { spec?: { nodeName?: string; terminationGracePeriodSeconds?: number } }) | undefined;
    if (object === undefined) return false;
    const { gracePeriodSeconds, preconditions } = (request.body ?? {}) as {
      gracePeriodSeconds?: number;
      preconditions?: { uid?: string };
    };
    if (preconditions?.uid !== undefined && preconditions.uid !== object.metadata?.uid) return false;
    const running = /\/pods\/[^/]+$/.test(request.path) && object.spec?.nodeName !== undefined;
    const grace = running ? (gracePeriodSeconds ?? object.spec?.terminationGracePeriodSeconds ?? 30) : 0;
    if (grace === 0 && (object.metadata?.finalizers ?? []).length === 0) return false;
    this.memory.put(request.path, {
      ...object,
      metadata: {
        ...object.metadata,
        deletionTimestamp: object.metadata?.deletionTimestamp ?? "2030-01-01T00:00:00Z",
        deletionGracePeriodSeconds: grace,
      },
    });
    return true;
  }

  #collect(path: string): void {
    const metadata = this.memory.at(path)?.metadata;
    if (metadata?.deletionTimestamp === undefined || (metadata.finalizers ?? []).length > 0) return;
    if ((metadata.deletionGracePeriodSeconds ?? 0) === 0) this.memory.remove(path);
  }
}
