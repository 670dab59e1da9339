import { ApiError, type ApiClient } from "./api.ts";
import { ObjectsGround } from "./objects-ground.ts";
import { run, type RunOptions, type RunResult } from "./run.ts";
import type { WaitOptions } from "./wait.ts";

/** How a ground reaches its API server. */
export interface ApiAccess {
  readonly api: ApiClient;
  /** The start of a kubectl command line. */
  readonly kubectl: readonly string[];
  /** Environment of kubectl; that of this process when not given. */
  readonly env?: Readonly<Record<string, string>>;
  /** What waitFor() does when a story does not say. */
  readonly patience: WaitOptions;
}

/**
 * The part of a ground that needs only the Kubernetes API and kubectl: the same over every real
 * cluster.
 */
export class ApiGround extends ObjectsGround {
  readonly #access: ApiAccess;

  constructor(access: ApiAccess) {
    super(access.api, access.patience);
    this.#access = access;
  }

  async kubectl(
    args: readonly string[],
    options: Pick<RunOptions, "onStdout" | "onStderr" | "stdin"> = {},
  ): Promise<RunResult> {
    const { kubectl, env } = this.#access;
    return await run([...kubectl, ...args], { ...options, ...(env === undefined ? {} : { env }) });
  }

  async drain(node: string, ...flags: readonly string[]): Promise<RunResult> {
    return await this.kubectl(["drain", node, "--ignore-daemonsets", ...flags]);
  }

  async kubeconfigText(): Promise<string> {
    const { code, stdout, stderr } = await this.kubectl(["config", "view", "--raw", "--minify", "--flatten"]);
    if (code !== 0) throw new Error(`kubectl config view: ${stderr}`);
    return stdout;
  }

  async exec(namespace: string, pod: string, argv: readonly string[], container?: string): Promise<RunResult> {
    const inside = container === undefined ? [] : [`--container=${container}`];
    return await this.kubectl(["exec", `--namespace=${namespace}`, pod, ...inside, "--", ...argv]);
  }

  async askPod(namespace: string, pod: string, port: number, path: string): Promise<{ ok: boolean; text: string }> {
    try {
      const proxied = `/api/v1/namespaces/${namespace}/pods/${pod}:${port}/proxy${path}`;
      return { ok: true, text: await this.#access.api.text(proxied, { accept: "*/*" }) };
    } catch (error) {
      if (error instanceof ApiError) return { ok: false, text: error.message };
      throw error;
    }
  }
}
