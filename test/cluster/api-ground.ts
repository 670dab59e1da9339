import { Objects, type ListOptions } from "./objects.ts";
import type { ApiClient } from "./api.ts";
import { run, type RunResult } from "./run.ts";
import { waitFor, type Probe, type WaitOptions } from "./wait.ts";

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

/** The part of a ground that needs only the Kubernetes API: the same over every real cluster. */
export class ApiGround {
  readonly #access: ApiAccess;
  readonly #objects: Objects;

  constructor(access: ApiAccess) {
    this.#access = access;
    this.#objects = new Objects(access.api);
  }

  async apply(yaml: string): Promise<void> {
    await this.#objects.apply(yaml);
  }

  async delete(yamlOrKind: string, name?: string, namespace?: string): Promise<void> {
    if (name === undefined) await this.#objects.deleteManifest(yamlOrKind);
    else await this.#objects.deleteOne(yamlOrKind, name, namespace);
  }

  async get<T>(kind: string, name: string, namespace?: string): Promise<T | undefined> {
    return await this.#objects.get<T>(kind, name, namespace);
  }

  async list<T>(kind: string, options?: ListOptions): Promise<T[]> {
    return await this.#objects.list<T>(kind, options);
  }

  async kubectl(args: readonly string[], options: { readonly stdin?: string } = {}): Promise<RunResult> {
    const { kubectl, env } = this.#access;
    return await run([...kubectl, ...args], { ...options, ...(env === undefined ? {} : { env }) });
  }

  async waitFor<T>(description: string, probe: Probe<T>, options: Partial<WaitOptions> = {}): Promise<T> {
    return await waitFor(description, probe, { ...this.#access.patience, ...options });
  }

  async exec(namespace: string, pod: string, argv: readonly string[], container?: string): Promise<RunResult> {
    const inside = container === undefined ? [] : [`--container=${container}`];
    return await this.kubectl(["exec", `--namespace=${namespace}`, pod, ...inside, "--", ...argv]);
  }

  async logs(namespace: string, pod: string, container?: string): Promise<string> {
    return await this.#objects.logs(namespace, pod, container);
  }
}
