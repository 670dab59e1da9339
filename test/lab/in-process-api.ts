import { ADMIN, type LabApi } from "../../src/lab/index.ts";
import { ApiError, type Api, type ApiRequest } from "../cluster/api.ts";

/** A lab's API without a socket, as its administrator. */
export class InProcessApi implements Api {
  readonly #lab: LabApi;

  constructor(lab: LabApi) {
    this.#lab = lab;
  }

  async request<T>(path: string, options: ApiRequest = {}): Promise<T> {
    return JSON.parse(await this.text(path, options)) as T;
  }

  async text(path: string, options: ApiRequest = {}): Promise<string> {
    const { method = "GET", body, contentType = "application/json", accept = "application/json" } = options;
    const url = new URL(path, "http://lab");
    const answer = await this.#lab.handle({
      method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      body: typeof body === "string" ? (JSON.parse(body) as unknown) : body,
      contentType,
      accept,
      user: ADMIN,
    });
    if ("stream" in answer) throw new Error(`${path} is a watch`);
    const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body);
    if (answer.code >= 300) throw new ApiError(`${method} ${path}`, answer.code, text);
    return text;
  }
}
