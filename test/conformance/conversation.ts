// What a case speaks with: every request is written down with its answer, but for those of `given`,
// which prepare and must succeed.
//
// A conversation has a namespace of its own and a run id in all names outside of it, so that cases
// disturb each other on no server, and a second run not the first.
import { waitFor } from "../cluster/wait.ts";
import type { HookAnswer } from "./hook.ts";
import { pathOf, type Kind } from "./places.ts";
import type { Course, Exchange } from "./record.ts";
import type { Server } from "./server.ts";
import type { WireAnswer, WireEvents, WireRequest } from "./wire.ts";

/** An object as a server gives it. */
export interface Json {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/** One event of a watch. */
export interface WatchEvent {
  readonly type: string;
  readonly object: Json;
}

export interface AskOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly subresource?: string;
  /** Another namespace than the case's own. */
  readonly namespace?: string;
  readonly accept?: string;
  readonly contentType?: string;
  /** What of a success is compared; all of it without. */
  readonly show?: (body: Json) => unknown;
}

const PATCHES = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
} as const;

/** What several conversations of one case share. */
interface Shared {
  readonly server: Server;
  readonly run: string;
  readonly namespace: string;
  readonly course: Course;
  readonly watches: WireEvents[];
}

export class Conversation {
  /** In the names of whatever has no namespace: ``name: `pv-${c.run}` ``. */
  readonly run: string;
  /** The namespace of the case. */
  readonly namespace: string;
  /** The same conversation, off the record: a refusal ends the case. */
  readonly given: Conversation;
  readonly #shared: Shared;
  readonly #token: string | undefined;
  readonly #recorded: boolean;

  constructor(shared: Shared, token?: string, recorded = true) {
    this.run = shared.run;
    this.namespace = shared.namespace;
    this.#shared = shared;
    this.#token = token;
    this.#recorded = recorded;
    this.given = recorded ? new Conversation(shared, token, false) : this;
  }

  /** The same as somebody else. */
  as(token: string): Conversation {
    return new Conversation(this.#shared, token);
  }

  async create(kind: Kind, body: object, options: AskOptions & { name?: string } = {}): Promise<Json> {
    return await this.#ask("POST", kind, options.name, options, body);
  }

  async get(kind: Kind, name: string, options: AskOptions = {}): Promise<Json> {
    return await this.#ask("GET", kind, name, options);
  }

  async list(kind: Kind, options: AskOptions = {}): Promise<Json & { readonly items: readonly Json[] }> {
    return (await this.#ask("GET", kind, undefined, options)) as Json & { items: readonly Json[] };
  }

  async replace(kind: Kind, name: string, body: object, options: AskOptions = {}): Promise<Json> {
    return await this.#ask("PUT", kind, name, options, body);
  }

  async patch(
    kind: Kind,
    name: string,
    type: keyof typeof PATCHES,
    patch: object,
    options: AskOptions = {},
  ): Promise<Json> {
    return await this.#ask("PATCH", kind, name, { contentType: PATCHES[type], ...options }, patch);
  }

  /** `body` are the DeleteOptions. */
  async delete(kind: Kind, name: string, body?: object, options: AskOptions = {}): Promise<Json> {
    return await this.#ask("DELETE", kind, name, options, body);
  }

  async deleteAll(kind: Kind, options: AskOptions = {}): Promise<Json> {
    return await this.#ask("DELETE", kind, undefined, options);
  }

  /** Any other path. */
  async raw(method: WireRequest["method"], path: string, options: AskOptions & { body?: unknown } = {}): Promise<Json> {
    return await this.#send({ method, path: withQuery(path, options), body: options.body }, options);
  }

  /**
   * Waits until an object is as `holds` says, off the record, and gives it. An object that is not
   * there is undefined.
   */
  async until(
    kind: Kind,
    name: string,
    holds: (object: Json | undefined) => boolean,
    options: Pick<AskOptions, "namespace"> = {},
  ): Promise<Json> {
    const path = pathOf(kind, options.namespace ?? this.namespace, name);
    const found = await waitFor<{ object: Json | undefined }>(
      `${kind}/${name}`,
      async (saw) => {
        const answer = await this.#shared.server.wire.send({ method: "GET", path });
        saw(answer.body);
        const object = answer.code === 404 ? undefined : (answer.body as Json);
        return holds(object) ? { object } : undefined;
      },
      { timeoutMs: 120_000, everyMs: 20 },
    );
    return found.object ?? (undefined as unknown as Json);
  }

  /** Waits until a selector of fields finds something of which `holds` holds, off the record. */
  async untilListed(kind: Kind, fieldSelector: string, holds: (object: Json) => boolean): Promise<void> {
    await waitFor(
      `${kind} with ${fieldSelector}`,
      async (saw) => {
        const { items } = await this.given.list(kind, { query: { fieldSelector } });
        saw(items);
        return items.some(holds) ? true : undefined;
      },
      { timeoutMs: 120_000, everyMs: 20 },
    );
  }

  /** Where webhooks are called so that they do this. */
  hookAt(answer: HookAnswer): { readonly url: string; readonly caBundle: string } {
    const { origin, caBundle } = this.#shared.server.hook;
    return { url: `${origin}/${this.run}/${answer}`, caBundle };
  }

  /**
   * Makes webhooks of this case's namespace, and waits until the server asks them, off the record:
   * it takes a configuration in as a whole, so one of them is only there to be heard from. The pod
   * that it is asked about for that, `probe`, must be there. The case removes them with `unhook`.
   */
  async hook(webhooks: readonly object[]): Promise<void> {
    const { server } = this.#shared;
    const { origin, caBundle, asked } = server.hook;
    const heard = `/${this.run}/${String(asked.length)}/canary`;
    const canary = { name: "canary.example.com", clientConfig: { url: origin + heard, caBundle } };
    const body = { metadata: { name: this.#hookName }, webhooks: [...webhooks, canary].map(this.#ofThisCase) };
    await this.given.create("validatingwebhookconfigurations", body);
    const path = pathOf("pods", this.namespace, "probe", "eviction");
    const eviction = { metadata: { name: "probe" } };
    await waitFor(
      "the webhooks to be asked",
      async (saw) => {
        saw((await server.wire.send({ method: "POST", path: `${path}?dryRun=All`, body: eviction })).body);
        return asked.some(({ path: called }) => called === heard) || undefined;
      },
      { timeoutMs: 60_000, everyMs: 50 },
    );
  }

  async unhook(): Promise<void> {
    await this.given.delete("validatingwebhookconfigurations", this.#hookName);
  }

  /**
   * Writes down what the webhooks of this case were asked, but about `probe`. There must be so
   * many.
   */
  async asked(count: number, show: (review: Json) => unknown = (review) => review): Promise<void> {
    const { course, server } = this.#shared;
    const all = await waitFor(
      "the webhooks' calls",
      (saw) => {
        const own = server.hook.asked.filter(
          ({ path, review }) =>
            path.startsWith(`/${this.run}/`) && !path.endsWith("/canary") && review.request.name !== "probe",
        );
        saw(own.length);
        return Promise.resolve(own.length >= count ? own : undefined);
      },
      { timeoutMs: 10_000, everyMs: 10 },
    );
    course.exchanges.push({ asked: all.map(({ review }) => show(review as unknown as Json)) });
  }

  get #hookName(): string {
    return `hook-${this.run}`;
  }

  /** Fills in what all webhooks of cases have, where it does not say otherwise. */
  readonly #ofThisCase = (webhook: object): object => ({
    admissionReviewVersions: ["v1"],
    sideEffects: "NoneOnDryRun",
    // So long that a busy machine answers in it; cases of late answers have one of their own.
    timeoutSeconds: 30,
    rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods/eviction"] }],
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": this.namespace } },
    ...webhook,
  });

  /** Lets the server forget what was before a version. */
  async forget(version: string): Promise<void> {
    await this.#shared.server.forget(version);
  }

  /**
   * Takes an object away with its finalizers, off the record: what somebody does who does not care
   * for protection.
   */
  async force(kind: Kind, name: string): Promise<void> {
    const path = pathOf(kind, this.namespace, name);
    await waitFor(
      `${kind}/${name} to be gone`,
      async (saw) => {
        const { code, body } = await this.#shared.server.wire.send({ method: "DELETE", path });
        saw(body);
        if (code === 404) return true;
        const patch = { body: { metadata: { finalizers: null } }, contentType: PATCHES.merge };
        await this.#shared.server.wire.send({ method: "PATCH", path, ...patch });
        return undefined;
      },
      { timeoutMs: 120_000, everyMs: 10 },
    );
  }

  /** Begins a watch: what happens after this promise has resolved is in it. */
  async watch(kind: Kind, options: AskOptions = {}): Promise<WatchConversation> {
    const path = pathOf(kind, options.namespace ?? this.namespace);
    const query = { watch: "true", ...options.query };
    const request: WireRequest = {
      method: "GET",
      path: withQuery(path, { query }),
      accept: options.accept,
      token: this.#token,
    };
    const watch = await this.#shared.server.wire.watch(request);
    if ("refused" in watch) {
      this.#write(request, watch.refused, options);
      return new WatchConversation(undefined, () => undefined);
    }
    const events: object[] = [];
    const { course, watches } = this.#shared;
    watches.push(watch.events);
    if (this.#recorded) course.exchanges.push({ request: titleOf(request), events });
    return new WatchConversation(watch.events, (event) => {
      events.push(event);
      course.received.push(event);
    });
  }

  /**
   * Watches up to the first bookmark. A server sends them as it can and promises none (when it is
   * busy a watch of some seconds ends without), so such a watch is begun anew, and only the last
   * one is written down.
   */
  async watchToBookmark(kind: Kind, options: AskOptions): Promise<void> {
    const query = { watch: "true", ...options.query, allowWatchBookmarks: "true" };
    const path = withQuery(pathOf(kind, options.namespace ?? this.namespace), { query });
    const request: WireRequest = { method: "GET", path, token: this.#token };
    const { course, server, watches } = this.#shared;
    for (let tries = 0; tries < 5; tries++) {
      const watch = await server.wire.watch(request);
      if ("refused" in watch) throw new Error(`given ${titleOf(request)}: ${JSON.stringify(watch.refused.body)}`);
      watches.push(watch.events);
      const events: WatchEvent[] = [];
      await new WatchConversation(watch.events, (event) => events.push(event)).until(({ type }) => type === "BOOKMARK");
      if (events.at(-1)?.type !== "BOOKMARK") continue;
      course.exchanges.push({ request: titleOf(request), events });
      course.received.push(...events);
      return;
    }
    throw new Error(`${titleOf(request)}: no bookmark in five watches`);
  }

  async #ask(
    method: WireRequest["method"],
    kind: Kind,
    name: string | undefined,
    options: AskOptions,
    body?: object,
  ): Promise<Json> {
    const path = pathOf(kind, options.namespace ?? this.namespace, name, options.subresource);
    return await this.#send({ method, path: withQuery(path, options), body }, options);
  }

  async #send(plain: WireRequest, options: AskOptions): Promise<Json> {
    const { contentType, accept } = options;
    const request = { ...plain, contentType, accept, token: this.#token };
    const { server, course } = this.#shared;
    const after = course.received.length;
    const answer = await server.wire.send(request);
    const version = plain.method === "POST" && answer.code === 201 ? versionOf(answer.body) : undefined;
    if (version !== undefined) course.made.push({ version, after });
    if (this.#recorded) this.#write(request, answer, options);
    else if (answer.code >= 300) throw new Error(`given ${titleOf(request)}: ${JSON.stringify(answer.body)}`);
    return answer.body as Json;
  }

  #write(request: WireRequest, answer: WireAnswer, { show }: AskOptions): void {
    const { code, warnings, retryAfter } = answer;
    const body = show !== undefined && code < 300 ? show(answer.body as Json) : answer.body;
    const exchange: Exchange = {
      request: titleOf(request),
      code,
      body,
      ...(warnings.length === 0 ? {} : { warnings }),
      ...(retryAfter === undefined ? {} : { retryAfter }),
    };
    this.#shared.course.exchanges.push(exchange);
    this.#shared.course.received.push(exchange);
  }
}

/** A watch of a case. Events that are read are written down. */
export class WatchConversation {
  readonly #events: WireEvents | undefined;
  readonly #write: (event: WatchEvent) => void;

  constructor(events: WireEvents | undefined, write: (event: WatchEvent) => void) {
    this.#events = events;
    this.#write = write;
  }

  /**
   * Reads up to the first event of which `isLast` holds, and ends the watch. Everything before it
   * is compared, so it proves that nothing else came.
   */
  async until(isLast: (event: WatchEvent) => boolean): Promise<void> {
    for (;;) {
      const event = (await this.#events?.next()) as WatchEvent | undefined;
      if (event === undefined) break;
      this.#write(event);
      if (isLast(event)) break;
    }
    this.#events?.close();
  }

  /** Reads up to the event about an object of this name. */
  async untilName(name: string): Promise<void> {
    await this.until(({ object }) => object.metadata.name === name);
  }

  /** Reads until the server ends the stream. */
  async toEnd(): Promise<void> {
    await this.until(() => false);
  }
}

function withQuery(path: string, { query = {} }: Pick<AskOptions, "query">): string {
  const text = new URLSearchParams(query).toString();
  return text === "" ? path : `${path}?${text}`;
}

/** Of an object that is stored: a dry run has none, nor has an answer that is no object. */
function versionOf(body: unknown): string | undefined {
  return (body as Partial<Json>).metadata?.resourceVersion;
}

/** How a request is called in the record: without what differs from run to run. */
function titleOf({ method, path, token, contentType }: WireRequest): string {
  const url = new URL(path, "http://server");
  const query = [...url.searchParams].map(([name, value]) => {
    if (name === "continue" || (name === "resourceVersion" && !/^(0|[a-z].*)$/.test(value))) return `${name}=…`;
    return `${name}=${value}`;
  });
  const type = method === "PATCH" ? ` ${(contentType ?? "").replace(/^application\/|-patch.*$/g, "")}` : "";
  const who = token === undefined ? "" : " with a token";
  return `${method}${type} ${url.pathname}${query.length === 0 ? "" : `?${query.join("&")}`}${who}`;
}
