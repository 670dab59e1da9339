// Runs the product's own image: its pods run the program of this machine, as the pod's
// ServiceAccount.
//
// These replace what a container has: a kubeconfig replaces the mounted token, the environment
// variable HOSTNAME the host name, and free ports on loopback the pod's address (`portOf` and
// `webhookPortOf` return them).
import { keyOf, uidOf } from "../../kube/objects.ts";
import type { LabUser } from "../api/request.ts";
import type { ImagePlayer, Prepared } from "../kubelet/runtimes/image-player.ts";
import type { ContainerRun } from "../kubelet/runtimes/runtime.ts";
import { freePort } from "./free-port.ts";

export interface ProductPlayerOptions {
  readonly plays: (image: string) => boolean;
  /**
   * The start of a command line for each program of the image, by the name that a container's
   * command has.
   */
  readonly programs: Readonly<Record<string, readonly string[]>>;
  readonly kubeconfig: (user: LabUser) => string;
}

/**
 * Runs first in the product's process. os.hostname() returns the pod's name. Ports are opened on
 * loopback only, because this machine's address, unlike a pod's, is reachable from outside.
 */
export const POD_PRELUDE = `data:text/javascript,${encodeURIComponent(`
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import os from "node:os";
os.hostname = () => process.env.HOSTNAME;
const { listen } = net.Server.prototype;
net.Server.prototype.listen = function (port, ...rest) {
  if (typeof port !== "number") return listen.call(this, port, ...rest);
  return listen.call(this, port, "127.0.0.1", ...rest.filter((each) => typeof each === "function"));
};
syncBuiltinESMExports();
`)}`;

export class ProductPlayer implements ImagePlayer {
  readonly #options: ProductPlayerOptions;
  /** Pod (namespace/name) → port on loopback. */
  readonly #ports = new Map<string, { readonly health: number; readonly webhook: number }>();

  constructor(options: ProductPlayerOptions) {
    this.#options = options;
  }

  plays(image: string): boolean {
    return this.#options.plays(image);
  }

  async prepare({ pod, files }: ContainerRun, [name = "", ...args]: readonly string[]): Promise<Prepared> {
    const program = this.#options.programs[name];
    if (program === undefined) throw new Error(`the image has no program ${name}`);
    const directory = `/var/lib/kubelet/pods/${uidOf(pod)}/product`;
    await files.makeDirectories(directory);
    await files.writeText(`${directory}/kubeconfig`, this.#options.kubeconfig(serviceAccountOf(pod)));
    const [health, webhook] = [await freePort(), await freePort()];
    this.#ports.set(keyOf(pod), { health, webhook });
    const env = {
      KUBECONFIG: files.onMachine(`${directory}/kubeconfig`),
      HEALTH_PORT: String(health),
      WEBHOOK_PORT: String(webhook),
      NODE_OPTIONS: `--import=${POD_PRELUDE}`,
    };
    return { argv: [...program, ...args], env };
  }

  /**
   * The port on loopback that stands for the health port of a pod (`namespace/name`), once it has
   * been started.
   */
  portOf(podKey: string): number | undefined {
    return this.#ports.get(podKey)?.health;
  }

  /** The same for the port on which a pod serves webhooks. */
  webhookPortOf(podKey: string): number | undefined {
    return this.#ports.get(podKey)?.webhook;
  }
}

function serviceAccountOf({ metadata, spec }: ContainerRun["pod"]): LabUser {
  const namespace = metadata?.namespace ?? "";
  return {
    name: `system:serviceaccount:${namespace}:${spec?.serviceAccountName ?? "default"}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
  };
}
