import type { KubeClient } from "../kube/client.ts";
import { nodes, type Node } from "../kube/kinds.ts";
import type { Stored } from "../kube/objects.ts";

/**
 * Uncached reads of Node objects, of which one serves many callers.
 *
 * A caller needs a read that began after its own earlier step. A read that is waiting to begin
 * serves everybody who asks until it begins; a read that is under way serves nobody new.
 */
export class NodeReads {
  readonly #client: KubeClient;
  readonly #lines = new Map<string, { running: Promise<unknown>; next: Promise<Stored<Node>> | undefined }>();

  constructor(client: KubeClient) {
    this.#client = client;
  }

  /**
   * The node as the API server has it, by a request that begins after this call. Rejects with
   * isNotFound.
   */
  read(name: string): Promise<Stored<Node>> {
    const line = this.#lines.get(name);
    if (line === undefined) return this.#begin(name);
    line.next ??= line.running.then(() => this.#begin(name));
    return line.next;
  }

  #begin(name: string): Promise<Stored<Node>> {
    const read = this.#client.get(nodes, { name });
    const line = { running: read.catch(() => undefined) as Promise<unknown>, next: undefined };
    this.#lines.set(name, line);
    void line.running.then(() => {
      if (this.#lines.get(name) === line && line.next === undefined) this.#lines.delete(name);
    });
    return read;
  }
}
