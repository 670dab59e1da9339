import type { Dispatcher } from "undici";
import type { Clock } from "../../effects/clock.ts";
import type { Files } from "../../effects/files.ts";
import type { Runner } from "../../effects/runner.ts";
import type { Log } from "../../observe/log.ts";
import type { ClusterAccess } from "../config/access.ts";
import { isUnauthorized } from "../errors.ts";
import type { Kube, KubeRequest } from "../kube.ts";
import { documents, parseJson, wholeText, type Answer } from "./body.ts";
import { failure, prepared, type Call } from "./call.ts";
import { credentialsFrom, type Credentials, type Identity } from "./credentials.ts";
import { ConnectionSets } from "./dispatcher.ts";
import { refusal } from "./refusal.ts";
import { CallScope, orAborted } from "./scope.ts";
import { headersOf, pathWithQuery } from "./wire.ts";

/** As KubeRequest.timeoutMs says. */
const DEFAULT_TIMEOUT_MS = 30_000;

export interface HttpKubeOptions {
  readonly cluster: ClusterAccess;
  /** `name/version`: what the audit log of the cluster shows. */
  readonly userAgent: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly files: Files;
  /** Needed for exec credential plugins only. */
  readonly runner?: Runner | undefined;
  /**
   * Called after every answer and every failure (code 0). `seconds` is the time until the whole
   * answer, or the header of a stream, has arrived. Must not throw.
   */
  readonly observe?: ((request: ObservedRequest) => void) | undefined;
}

export interface ObservedRequest {
  readonly method: KubeRequest["method"];
  readonly path: string;
  readonly code: number;
  readonly seconds: number;
}

/**
 * A Kube over HTTP. It sends each request once, and once more with new credentials after a 401. For
 * other retries see `withRetries`.
 */
export function httpKube(options: HttpKubeOptions): Kube & { close(): Promise<void> } {
  return new HttpKube(options);
}

class HttpKube implements Kube {
  readonly #options: HttpKubeOptions;
  readonly #origin: string;
  readonly #pathPrefix: string;
  readonly #credentials: Credentials;
  readonly #connections: ConnectionSets;

  constructor(options: HttpKubeOptions) {
    this.#options = options;
    const url = new URL(options.cluster.server);
    this.#origin = url.origin;
    this.#pathPrefix = url.pathname.replace(/\/+$/, "");
    this.#credentials = credentialsFrom(options.cluster.credentials, options);
    this.#connections = new ConnectionSets(options);
  }

  async request<T = unknown>(request: KubeRequest): Promise<T> {
    const call = this.#call(request, request.lane === "lease");
    try {
      return await this.#send(call, async (answer) => {
        const text = await wholeText(answer);
        return (request.as === "text" ? text : parseJson(call.name, text)) as T;
      });
    } finally {
      call.scope.close();
    }
  }

  async stream(request: KubeRequest): Promise<AsyncIterable<unknown>> {
    const call = this.#call(request, true);
    try {
      const { body } = await this.#send(call, (answer) => Promise.resolve(answer));
      call.scope.stopTimer();
      return documents(call, body);
    } catch (error) {
      call.scope.close();
      throw error;
    }
  }

  /**
   * Cuts all connections; what is under way fails with ConnectionReset. A connection that is just
   * being made may live on until its time-out (10 s).
   */
  close(): Promise<void> {
    return this.#connections.close();
  }

  #call(request: KubeRequest, own: boolean): Call {
    const name = `${request.method} ${this.#options.cluster.server}${request.path}`;
    const scope = new CallScope(this.#options.clock, name, request.timeoutMs ?? DEFAULT_TIMEOUT_MS, request.signal);
    return { request, scope, name, own };
  }

  async #send<T>(call: Call, take: (answer: Answer) => Promise<T>): Promise<T> {
    const identity = await prepared(call, this.#credentials.current());
    try {
      return await this.#sendAs(identity, call, take);
    } catch (error) {
      if (!isUnauthorized(error)) throw error;
      const renewed = await prepared(call, this.#credentials.renew(identity));
      if (renewed === undefined) throw error;
      return this.#sendAs(renewed, call, take);
    }
  }

  async #sendAs<T>(identity: Identity, call: Call, take: (answer: Answer) => Promise<T>): Promise<T> {
    const { clock, observe } = this.#options;
    const { method, path } = call.request;
    const connections = await prepared(call, this.#connections.connections(identity));
    const started = clock.monotonic();
    let code = 0;
    try {
      const answer = await this.#dispatch(identity, call, call.own ? connections.own : connections.work);
      code = answer.statusCode;
      if (code < 200 || code > 299) {
        throw refusal(call.name, code, textOf(answer.headers["retry-after"]), await wholeText(answer));
      }
      return await take(answer);
    } catch (error) {
      throw failure(call, error);
    } finally {
      observe?.({ method, path, code, seconds: (clock.monotonic() - started) / 1000 });
    }
  }

  #dispatch(identity: Identity, call: Call, dispatcher: Dispatcher): Promise<Answer> {
    const { request, scope } = call;
    const { userAgent, cluster } = this.#options;
    const answer = dispatcher.request({
      origin: this.#origin,
      path: this.#pathPrefix + pathWithQuery(request),
      method: request.method,
      headers: headersOf(request, userAgent, { ...cluster.headers, authorization: identity.authorization }),
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal: scope.signal,
    });
    // undici ignores the signal while it is connecting.
    return orAborted(answer, scope.signal);
  }
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
