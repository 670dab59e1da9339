import type { Kube, KubeRequest } from "../kube.ts";

/** Passes requests on to another Kube. The test sees each of them, and may refuse it. */
export class FaultyKube implements Kube {
  /** Every request, in order: `PATCH /api/v1/…`, `WATCH /api/v1/…`. */
  readonly log: string[] = [];
  /** Called before a request is passed on; throw a KubeError to refuse it. */
  intercept: (request: KubeRequest) => void | Promise<void> = () => undefined;
  readonly #kube: Kube;

  constructor(kube: Kube) {
    this.#kube = kube;
  }

  async request<T = unknown>(request: KubeRequest): Promise<T> {
    await this.#pass(request.method, request);
    return this.#kube.request<T>(request);
  }

  async stream(request: KubeRequest): Promise<AsyncIterable<unknown>> {
    await this.#pass("WATCH", request);
    return this.#kube.stream(request);
  }

  async #pass(verb: string, request: KubeRequest): Promise<void> {
    request.signal?.throwIfAborted();
    this.log.push(`${verb} ${request.path}`);
    await this.intercept(request);
  }
}
