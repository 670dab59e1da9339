// How cases reach a server: plain requests and watches over HTTP, without retries or types. The
// suite judges the server, so nothing of the product's client stands between.
import { readFile } from "node:fs/promises";
import { createInterface, type Interface } from "node:readline";
import type { Readable } from "node:stream";
import { Agent, type Dispatcher } from "undici";
import { parse } from "yaml";

/** One request. */
export interface WireRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With the query. */
  readonly path: string;
  /** Sent as it is when it is text, as JSON otherwise. */
  readonly body?: unknown;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  /** Whose request it is; the administrator's without. */
  readonly token?: string | undefined;
}

/** One answer. */
export interface WireAnswer {
  readonly code: number;
  /** Parsed when it is JSON, text otherwise. */
  readonly body: unknown;
  readonly warnings: readonly string[];
  readonly retryAfter: string | undefined;
}

/** A watch under way, or the answer that came instead of one. */
export type WireWatch = { readonly refused: WireAnswer } | { readonly events: WireEvents };

/** The lines of a watch, parsed. */
export interface WireEvents {
  /**
   * The next event; undefined when the server has ended the stream. Rejects when none comes for two
   * minutes.
   */
  next(): Promise<unknown>;
  close(): void;
}

const JSON_TYPE = "application/json";
const EVENT_MS = 120_000;

/** Connections to one server: one for the administrator, one for whoever comes with a token. */
export class Wire {
  readonly #origin: string;
  readonly #admin: Agent;
  readonly #bearer: Agent;

  constructor(origin: string, tls: { readonly ca: string; readonly cert: string; readonly key: string } | undefined) {
    this.#origin = origin;
    this.#admin = new Agent(tls === undefined ? {} : { connect: tls });
    // Without the certificate, which would speak first.
    this.#bearer = new Agent(tls === undefined ? {} : { connect: { ca: tls.ca } });
  }

  /** To the cluster of a kubeconfig that the test cluster wrote. */
  static async fromKubeconfig(file: string): Promise<Wire> {
    const { clusters, users } = parse(await readFile(file, "utf8")) as WrittenKubeconfig;
    const cluster = clusters[0]?.cluster;
    const user = users[0]?.user;
    if (cluster === undefined || user === undefined) throw new Error(`${file} names no cluster or no user`);
    const decode = (text: string): string => Buffer.from(text, "base64").toString();
    return new Wire(cluster.server, {
      ca: decode(cluster["certificate-authority-data"]),
      cert: decode(user["client-certificate-data"]),
      key: decode(user["client-key-data"]),
    });
  }

  async send(request: WireRequest): Promise<WireAnswer> {
    return await readAnswer(await this.#request(request));
  }

  async watch(request: WireRequest): Promise<WireWatch> {
    const response = await this.#request(request);
    if (response.statusCode !== 200) return { refused: await readAnswer(response) };
    return { events: new Events(response.body) };
  }

  async close(): Promise<void> {
    await Promise.all([this.#admin.destroy(), this.#bearer.destroy()]);
  }

  async #request(request: WireRequest): Promise<Dispatcher.ResponseData> {
    const { method, path, body, token, accept = JSON_TYPE, contentType = JSON_TYPE } = request;
    return await (token === undefined ? this.#admin : this.#bearer).request({
      origin: this.#origin,
      path,
      method,
      headers: {
        accept,
        ...(body === undefined ? {} : { "content-type": contentType }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  }
}

interface WrittenKubeconfig {
  readonly clusters: readonly { cluster: { server: string; "certificate-authority-data": string } }[];
  readonly users: readonly { user: { "client-certificate-data": string; "client-key-data": string } }[];
}

async function readAnswer(response: Dispatcher.ResponseData): Promise<WireAnswer> {
  const { statusCode, headers } = response;
  const text = await response.body.text();
  const warning = headers["warning"] ?? [];
  return {
    code: statusCode,
    body: parsed(text),
    warnings: typeof warning === "string" ? [warning] : warning,
    retryAfter: headers["retry-after"]?.toString(),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

class Events implements WireEvents {
  readonly #body: Readable;
  readonly #reader: Interface;
  readonly #lines: AsyncIterator<string>;

  constructor(body: Readable) {
    this.#body = body;
    this.#reader = createInterface({ input: body });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async next(): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`no event within ${String(EVENT_MS / 1000)} s`));
      }, EVENT_MS);
    });
    try {
      const line = await Promise.race([this.#lines.next(), late]);
      return line.done === true ? undefined : (JSON.parse(line.value) as unknown);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#reader.close();
    this.#body.on("error", () => undefined).destroy();
  }
}
