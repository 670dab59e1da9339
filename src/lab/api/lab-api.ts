// The API server of the lab, without sockets. All state is in memory; clock and random numbers are
// handed in.
//
// A request passes: fault switches (before) → authorization → webhooks (asynchronous) → carried out
// (synchronous) → fault switches (after) → answer. Because carrying out is synchronous, two
// requests never interleave, and a request is either carried out or not. Only the fault switches
// can hide from a client that its request was carried out.
import type { Clock } from "../../effects/clock.ts";
import type { Random } from "../../effects/random.ts";
import { KubeError } from "../../kube/errors.ts";
import type { Kube, KubeRequest } from "../../kube/kube.ts";
import type { Log } from "../../observe/log.ts";
import type { LabObject } from "../store/object.ts";
import { Store, type Change } from "../store/store.ts";
import { admit, type Admission, type CallWebhook } from "./admission/admission.ts";
import { bootstrapObjects } from "./kinds/bootstrap.ts";
import { carryOut, type PodLogs } from "./carry-out.ts";
import { EventExpiry } from "./events/event-expiry.ts";
import { Failure, forbidden, PlainFailure } from "./errors/failure.ts";
import { Faults, TimedOut, type FaultRequest } from "./faults.ts";
import { kindAt } from "./kinds/kinds.ts";
import { isAllowed, refusalText, type Attributes } from "./admission/rbac.ts";
import { ADMIN, Dropped, isFailureStatus, type LabAnswer, type LabRequest, type LabUser } from "./request.ts";
import { routeOf, type Route } from "./route.ts";
import type { State } from "./state.ts";
import { readEviction } from "./subresources/eviction.ts";
import { Tokens } from "./admission/tokens.ts";
import type { Watch } from "./watch.ts";
import { isEviction, webhooksFor } from "./admission/webhooks-for.ts";
import { createObject } from "./writes/write.ts";

export interface LabDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The store, for a caller that wants access to it. @default a new one */
  readonly store?: Store;
}

export interface LabOptions {
  /** Changes that watches can start from. @default 10000 */
  readonly historyLimit?: number;
  /** @default 60000 */
  readonly bookmarkEveryMs?: number;
  /** Users may do what roles allow them, and nothing else. @default false: everybody may do all */
  readonly strictRbac?: boolean;
  /**
   * Called for every request when its answer is known; code 0 when the connection was dropped. Must
   * not throw.
   */
  readonly observe?: (request: LabRequest, code: number) => void;
}

const ADMITTED: Admission = { warnings: [], refusal: undefined };
const DEFAULTS = { historyLimit: 10_000, bookmarkEveryMs: 60_000 };
/** As KubeRequest.timeoutMs says. */
const DEFAULT_TIMEOUT_MS = 30_000;

export class LabApi {
  /** What goes wrong. */
  readonly faults: Faults;
  readonly tokens: Tokens;
  readonly #deps: LabDeps;
  readonly #options: LabOptions;
  readonly #state: State;
  readonly #watches = new Set<Watch>();
  readonly #events: EventExpiry;
  #podLogs: PodLogs = () => "";
  #callWebhook: CallWebhook = () => Promise.reject(new Error("the lab was given no way to call webhooks"));

  constructor(deps: LabDeps, options: LabOptions = {}) {
    this.#deps = deps;
    this.#options = options;
    const { store = new Store({ historyLimit: options.historyLimit ?? DEFAULTS.historyLimit }) } = deps;
    this.#state = { store, clock: deps.clock, random: deps.random };
    this.#events = new EventExpiry(store, deps.clock);
    this.faults = new Faults(deps, this.#watches);
    this.tokens = new Tokens(deps);
    for (const { group, plural, body } of bootstrapObjects()) {
      const version = "v1";
      const row = kindAt(group, version, plural);
      if (row === undefined) throw new Error(`the lab does not serve ${plural}`);
      const target = { row, namespace: body.metadata.namespace, name: "" };
      createObject(this.#state, target, body, { user: ADMIN, dryRun: false, fieldValidation: "Strict" });
    }
  }

  /**
   * A client in process: no sockets, no timers of its own, the same answers as over HTTP. Objects
   * that it gives are frozen and shared. `onWarning` is told what kubectl would print as a warning.
   */
  kube(user: LabUser = ADMIN, onWarning?: (text: string) => void): Kube {
    return new InProcessKube(async (request) => {
      const answer = await this.handle(request);
      if (onWarning !== undefined && "warnings" in answer) answer.warnings?.forEach(onWarning);
      return answer;
    }, user);
  }

  /**
   * Carries out one request. Rejects only with Dropped (a fault switch) and with the reason of the
   * request's signal.
   */
  async handle(request: LabRequest): Promise<LabAnswer> {
    const { signal, timeoutMs } = request;
    let code = 0;
    try {
      const answer = await this.#answer(request, signal, timeoutMs);
      code = answer.code;
      return answer;
    } finally {
      this.#options.observe?.(request, code);
    }
  }

  /**
   * Drops the history, as a compaction of etcd does: new watches and lists of older versions fail
   * with Expired. Open watches continue.
   */
  compact(): void {
    this.#state.store.compact();
  }

  /**
   * Sets the source of pod logs; until then they are empty. `logs` throws a Failure for a log that
   * does not exist.
   */
  servePodLogs(logs: PodLogs): void {
    this.#podLogs = logs;
  }

  /** Sets how webhooks are called. Until then none can be reached, and failurePolicy decides. */
  callWebhooks(call: CallWebhook): void {
    this.#callWebhook = call;
  }

  /**
   * All objects by collection (`pods`, `deployments.apps`), in order: for tests and invariants.
   * Frozen.
   */
  dump(): ReadonlyMap<string, readonly LabObject[]> {
    const { store } = this.#state;
    return new Map(
      store
        .collections()
        .sort()
        .map((collection) => [collection, store.list(collection)]),
    );
  }

  /** One collection of the dump. */
  objects(collection: string): readonly LabObject[] {
    return this.#state.store.list(collection);
  }

  /**
   * Calls `listener` within each change of a collection, in the same step: for invariants. It must
   * not throw nor write. Returns the way to stop it.
   */
  onChange(collection: string, listener: (change: Change) => void): () => void {
    return this.#state.store.listen(collection, listener);
  }

  /** The version of the latest change. */
  get resourceVersion(): number {
    return this.#state.store.version;
  }

  /** The number of open watches. */
  get watchCount(): number {
    return this.#watches.size;
  }

  async #answer(
    request: LabRequest,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
  ): Promise<LabAnswer> {
    signal?.throwIfAborted();
    try {
      const route = routeOf(request);
      const seen = faultRequest(request, route);
      await this.faults.before(seen, timeoutMs, signal);
      signal?.throwIfAborted();
      const admission = this.#admitted(request, route);
      const { warnings, refusal } = admission === undefined ? ADMITTED : await admission;
      signal?.throwIfAborted();
      const answer = withWarnings(refusal === undefined ? this.#carryOut(request, route) : refused(refusal), warnings);
      await this.faults.after(seen, timeoutMs, signal);
      return answer;
    } catch (error) {
      if (error instanceof Failure) return refused(error);
      if (error instanceof PlainFailure) return plain(error);
      if (error instanceof Dropped || signal?.aborted === true) throw error;
      this.#deps.log.error("the lab has failed to carry out a request", { path: request.path, err: error });
      return { code: 500, body: new Failure(500, "InternalError", `Internal error occurred: ${String(error)}`).status };
    }
  }

  /**
   * What the webhooks say. Undefined, and without waiting, when none is asked: also of what will be
   * refused anyway.
   */
  #admitted(request: LabRequest, route: Route): Promise<Admission> | undefined {
    if (!isEviction(route)) return undefined;
    if (this.#options.strictRbac === true) this.#authorize(request, route);
    const eviction = readEviction(request.body, route.target.name, "Ignore");
    const webhooks = webhooksFor(this.#state, route, eviction);
    if (webhooks.length === 0) return undefined;
    const { clock, random } = this.#deps;
    const deps = { clock, call: this.#callWebhook, uid: () => random.uuid() };
    return admit(deps, webhooks, { request, route, eviction });
  }

  #carryOut(request: LabRequest, route: Route): LabAnswer {
    const { strictRbac = false, bookmarkEveryMs = DEFAULTS.bookmarkEveryMs } = this.#options;
    try {
      if (strictRbac) this.#authorize(request, route);
      if (route.is === "objects" && route.target.row.collection === "events") this.#events.sweep();
      return carryOut(
        {
          state: this.#state,
          tokens: this.tokens,
          strict: strictRbac,
          bookmarkEveryMs,
          podLogs: this.#podLogs,
          opened: (watch) => {
            this.#watches.add(watch);
            this.faults.opened(watch);
          },
          ended: (watch) => {
            this.#watches.delete(watch);
          },
        },
        request,
        route,
      );
    } catch (error) {
      // A refusal is an answer too, so a fault switch can drop it.
      if (error instanceof Failure) return refused(error);
      if (error instanceof PlainFailure) return plain(error);
      throw error;
    }
  }

  #authorize({ query, user }: LabRequest, route: Route): void {
    const attributes = attributesOf(route, query);
    if (isAllowed(this.#state.store, user, attributes)) return;
    if ("path" in attributes) throw new Failure(403, "Forbidden", `forbidden: ${refusalText(user, attributes)}`, {});
    const { group, resource, name } = attributes;
    throw forbidden({ group, plural: resource }, name, refusalText(user, attributes));
  }
}

function refused({ status }: Failure): LabAnswer {
  return { code: status.code, body: status };
}

function withWarnings(answer: LabAnswer, warnings: readonly string[]): LabAnswer {
  if (warnings.length === 0 || "stream" in answer) return answer;
  return { ...answer, warnings: [...warnings, ...(answer.warnings ?? [])] };
}

function plain({ code, message }: PlainFailure): LabAnswer {
  return { code, body: message, contentType: "text/plain" };
}

/**
 * A collection of which only one name is asked for counts as that object, as upstream's RequestInfo
 * has it.
 */
const ONE_NAME = /^metadata\.name={1,2}([^,=!]+)$/;

function attributesOf(route: Route, query: LabRequest["query"]): Attributes {
  switch (route.is) {
    case "objects": {
      const { row, namespace } = route.target;
      const asked = ["list", "watch", "deletecollection"].includes(route.verb) ? query["fieldSelector"] : undefined;
      const name = ONE_NAME.exec(asked ?? "")?.[1] ?? route.target.name;
      const { group, plural: resource } = row;
      // For RBAC, the namespace of a Namespace object is its own name.
      const where = row.collection === "namespaces" && name !== "" ? name : namespace;
      return { verb: route.verb, group, resource, subresource: route.subresource, namespace: where, name };
    }
    case "review": {
      const { group, plural } = route.row;
      return { verb: "create", group, resource: plural, subresource: "", namespace: route.namespace, name: "" };
    }
    case "other":
      return { verb: route.verb, path: route.path };
    default:
      return route satisfies never;
  }
}

function faultRequest({ method, path, user }: LabRequest, route: Route): FaultRequest {
  const plain = { method, path, user, verb: route.verb, plural: "", namespace: undefined, name: "", subresource: "" };
  if (route.is === "objects") {
    const { row, namespace, name } = route.target;
    return { ...plain, plural: row.plural, namespace, name, subresource: route.subresource };
  }
  return route.is === "review" ? { ...plain, plural: route.row.plural, namespace: route.namespace } : plain;
}

class InProcessKube implements Kube {
  readonly #handle: (request: LabRequest) => Promise<LabAnswer>;
  readonly #user: LabUser;

  constructor(handle: (request: LabRequest) => Promise<LabAnswer>, user: LabUser) {
    this.#handle = handle;
    this.#user = user;
  }

  async request<T = unknown>(request: KubeRequest): Promise<T> {
    const answer = await this.#send(request);
    if ("stream" in answer) {
      answer.stream.close();
      throw new KubeError({ code: 0, reason: "BadResponse", message: `${request.path}: the answer is a stream` });
    }
    if (request.as === "text" && typeof answer.body !== "string") return JSON.stringify(answer.body) as T;
    return answer.body as T;
  }

  async stream(request: KubeRequest): Promise<AsyncIterable<unknown>> {
    const answer = await this.#send(request);
    const { stream } = "stream" in answer ? answer : { stream: once(answer.body) };
    return { [Symbol.asyncIterator]: () => asKubeErrors(stream[Symbol.asyncIterator](), request) };
  }

  async #send(request: KubeRequest): Promise<LabAnswer> {
    const { method, path, body, contentType, accept, signal, timeoutMs } = request;
    const query: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.query ?? {}))
      if (value !== undefined) query[name] = String(value);
    let answer: LabAnswer;
    try {
      answer = await this.#handle({
        method,
        path,
        query,
        // What goes over the wire: `undefined` is not there.
        body: body === undefined ? undefined : (JSON.parse(JSON.stringify(body)) as unknown),
        contentType: contentType ?? "application/json",
        accept: accept ?? "application/json",
        user: this.#user,
        signal,
        timeoutMs: timeoutMs ?? DEFAULT_TIMEOUT_MS,
      });
    } catch (error) {
      throw lost(request, error);
    }
    if ("stream" in answer || answer.code < 300) return answer;
    const { body: status } = answer;
    if (isFailureStatus(status)) {
      const { code, reason = "Unknown", message, details } = status;
      throw new KubeError(details === undefined ? { code, reason, message } : { code, reason, message, details });
    }
    throw new KubeError({ code: answer.code, reason: "Unknown", message: `${method} ${path}: ${String(answer.code)}` });
  }
}

/** What a client makes of a connection that broke. */
function lost({ method, path, timeoutMs = DEFAULT_TIMEOUT_MS }: KubeRequest, error: unknown): unknown {
  if (error instanceof TimedOut) {
    return new KubeError({
      code: 0,
      reason: "Timeout",
      message: `${method} ${path}: no answer within ${String(timeoutMs)} ms`,
    });
  }
  if (!(error instanceof Dropped)) return error;
  return new KubeError({ code: 0, reason: "ConnectionReset", message: `${method} ${path}: the connection was reset` });
}

function asKubeErrors(iterator: AsyncIterator<unknown>, request: KubeRequest): AsyncIterator<unknown> {
  return {
    next: async () => {
      try {
        return await iterator.next();
      } catch (error) {
        throw lost(request, error);
      }
    },
    return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
  };
}

function once(body: unknown): AsyncIterable<unknown> {
  return {
    async *[Symbol.asyncIterator]() {
      yield await Promise.resolve(body);
    },
  };
}
