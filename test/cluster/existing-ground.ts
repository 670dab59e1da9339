import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { existsSync } from "node:fs";
import { Agent } from "undici";
import { ApiClient } from "./api.ts";
import { ApiGround, type ApiAccess } from "./api-ground.ts";
import { kubectlProgram, type Log } from "./binaries.ts";
import { MissingCapability, type Capability, type Ground, type GroundNode } from "./ground.ts";
import { Objects } from "./objects.ts";
import { waitFor } from "./wait.ts";

/**
 * Somebody's cluster. Always named outright, never taken from KUBECONFIG: stories delete claims.
 */
export interface ExistingOptions {
  /** `--existing FILE`. */
  readonly kubeconfig: string;
  /** `--context NAME`. */
  readonly context: string;
  /** Name of an image of the product that this cluster can pull or has already. */
  readonly productImage?: string;
  readonly log?: Log;
}

/** Somebody's cluster pulls images and shares its machines. */
const PATIENCE = { timeoutMs: 180_000, everyMs: 300 };

/** The ground over a cluster that is there already: the API and nothing else. */
export async function existingGround(options: ExistingOptions): Promise<Ground> {
  const log = options.log ?? (() => undefined);
  const program = existingProgram("kubectl") ?? (await kubectlProgram(log));
  const kubectl = [...program, `--kubeconfig=${options.kubeconfig}`, `--context=${options.context}`];
  const directory = await mkdtemp(join(tmpdir(), "mooring-ground-"));
  const socket = join(directory, "api.sock");
  // kubectl knows every way to log in that a kubeconfig can name; its proxy on a private socket
  // lends them to us. Nor does it outlive this process.
  const argv = ["--pdeathsig", "KILL", ...kubectl, "proxy", `--unix-socket=${socket}`];
  const proxy = spawn("setpriv", argv, { stdio: ["ignore", "ignore", "inherit"] });
  const api = new ApiClient("http://localhost", new Agent({ connections: 16, connect: { socketPath: socket } }));
  const letGo = async (): Promise<void> => {
    await api.close();
    proxy.kill();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await waitFor(
      `context ${options.context} of ${options.kubeconfig} to answer`,
      async () => (running(proxy) ? await api.text("/version") : "ended"),
      { timeoutMs: 180_000 },
    );
    if (!running(proxy)) throw new Error(`kubectl proxy ended with ${proxy.exitCode}`);
    const nodes = await new Objects(api).list<{ metadata: { name: string } }>("Node");
    return new ExistingGround({
      options,
      access: { api, kubectl, patience: PATIENCE },
      nodes: nodes.map((node) => node.metadata.name),
      close: letGo,
    });
  } catch (error) {
    await letGo();
    throw error;
  }
}

function running(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function existingProgram(name: string): readonly string[] | undefined {
  const file = (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find((candidate) => existsSync(candidate));
  return file === undefined ? undefined : [file];
}

class ExistingGround extends ApiGround implements Ground {
  readonly name: string;
  readonly capabilities: ReadonlySet<Capability>;
  readonly nodes: readonly string[];
  readonly close: () => Promise<void>;
  readonly #productImage: string | undefined;

  constructor(parts: {
    options: ExistingOptions;
    access: ApiAccess;
    nodes: readonly string[];
    close: () => Promise<void>;
  }) {
    super(parts.access);
    const { options } = parts;
    this.name = `the existing cluster ${options.context}`;
    const always: Capability[] = ["containers", "drain", "isolation", "kubectl", "programs"];
    this.capabilities = new Set(options.productImage === undefined ? always : [...always, "load-image"]);
    this.nodes = parts.nodes;
    this.close = parts.close;
    this.#productImage = options.productImage;
  }

  onNode(): GroundNode {
    throw this.#missing("node-files");
  }

  async killContainers(): Promise<void> {
    await Promise.reject(this.#missing("node-files"));
  }

  async killNode(): Promise<void> {
    await Promise.reject(this.#missing("node-kill"));
  }

  async startNode(): Promise<void> {
    await Promise.reject(this.#missing("node-kill"));
  }

  async unplugNode(): Promise<void> {
    await Promise.reject(this.#missing("node-network"));
  }

  async plugNode(): Promise<void> {
    await Promise.reject(this.#missing("node-network"));
  }

  async cutNodes(): Promise<void> {
    await Promise.reject(this.#missing("node-network"));
  }

  async healNodes(): Promise<void> {
    await Promise.reject(this.#missing("node-network"));
  }

  async mountPool(): Promise<void> {
    await Promise.reject(this.#missing("pool-disks"));
  }

  async unmountPool(): Promise<void> {
    await Promise.reject(this.#missing("pool-disks"));
  }

  async remountPool(): Promise<void> {
    await Promise.reject(this.#missing("pool-disks"));
  }

  async removePool(): Promise<void> {
    await Promise.reject(this.#missing("pool-disks"));
  }

  async stopKubelet(): Promise<void> {
    await Promise.reject(this.#missing("kubelet"));
  }

  async startKubelet(): Promise<void> {
    await Promise.reject(this.#missing("kubelet"));
  }

  async killComponent(): Promise<void> {
    await Promise.reject(this.#missing("control-plane"));
  }

  async startComponent(): Promise<void> {
    await Promise.reject(this.#missing("control-plane"));
  }

  async loadProductImage(): Promise<string> {
    if (this.#productImage === undefined) throw this.#missing("load-image");
    return await Promise.resolve(this.#productImage);
  }

  #missing(capability: Capability): MissingCapability {
    return new MissingCapability(this.name, capability);
  }
}
