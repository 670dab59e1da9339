import { readFile } from "node:fs/promises";
import { Agent, type Dispatcher } from "undici";
import { parse } from "yaml";

/**
 * An answer of the API server that is not a success; `status` is the HTTP status, `reason` that of
 * the Status object.
 */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly reason: string;

  constructor(request: string, status: number, body: string) {
    const said = statusObject(body);
    super(`${request}: ${status} ${said.message ?? body.slice(0, 1000)}`);
    this.status = status;
    this.reason = said.reason ?? "";
  }
}

/** One request to the API server. */
export interface ApiRequest {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly body?: string | object;
  readonly contentType?: string;
  readonly accept?: string;
}

/**
 * An API server, whatever it is reached by. Both reject with an ApiError for an answer that is no
 * success.
 */
export interface Api {
  /** Sends a request; the parsed body of a success. */
  request<T>(path: string, options?: ApiRequest): Promise<T>;
  /** Sends a request and gives the body of a success as it is. */
  text(path: string, options?: ApiRequest): Promise<string>;
}

/**
 * The tests' own plain client: no retries, no cache, no types; what is measured or proved must not
 * depend on ours.
 */
export class ApiClient implements Api {
  readonly #origin: string;
  readonly #agent: Agent;

  readonly #token: string | undefined;

  constructor(origin: string, agent: Agent, token?: string) {
    this.#origin = origin;
    this.#agent = agent;
    this.#token = token;
  }

  /**
   * A client for a kubeconfig that was written by this suite: one context, its certificates inside.
   */
  static async fromKubeconfig(file: string): Promise<ApiClient> {
    const config = parse(await readFile(file, "utf8")) as WrittenKubeconfig;
    const cluster = config.clusters[0]?.cluster;
    const user = config.users[0]?.user;
    if (cluster === undefined || user === undefined) throw new Error(`${file} names no cluster or no user`);
    const decode = (text: string): string => Buffer.from(text, "base64").toString();
    const agent = new Agent({
      connections: 64,
      connect: {
        ca: decode(cluster["certificate-authority-data"]),
        cert: decode(user["client-certificate-data"]),
        key: decode(user["client-key-data"]),
      },
    });
    return new ApiClient(cluster.server, agent);
  }

  /**
   * Sends a request; the parsed body of a success (JSON, or the text when it is not JSON), an
   * ApiError otherwise.
   */
  async request<T>(path: string, options: ApiRequest = {}): Promise<T> {
    const text = await this.text(path, options);
    return JSON.parse(text) as T;
  }

  /** Sends a request and gives the body of a success as it is. */
  async text(path: string, options: ApiRequest = {}): Promise<string> {
    const method = options.method ?? "GET";
    const body = typeof options.body === "object" ? JSON.stringify(options.body) : options.body;
    const response: Dispatcher.ResponseData = await this.#agent.request({
      origin: this.#origin,
      path,
      method,
      headers: {
        accept: options.accept ?? "application/json",
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
        ...(body === undefined ? {} : { "content-type": options.contentType ?? "application/json" }),
      },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.body.text();
    if (response.statusCode >= 300) throw new ApiError(`${method} ${path}`, response.statusCode, text);
    return text;
  }

  /** Closes its connections at once. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

interface WrittenKubeconfig {
  readonly clusters: readonly { cluster: { server: string; "certificate-authority-data": string } }[];
  readonly users: readonly { user: { "client-certificate-data": string; "client-key-data": string } }[];
}

function statusObject(body: string): { message?: string; reason?: string } {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
