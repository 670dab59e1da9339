import type { Duplex } from "node:stream";
import { storageNodes, type StorageNode } from "../../../api/kinds/storage-node.ts";
import type { Clock } from "../../../effects/clock.ts";
import type { Random } from "../../../effects/random.ts";
import type { KubeClient } from "../../../kube/client.ts";
import { Informer } from "../../../kube/watch/informer.ts";
import type { Log } from "../../../observe/log.ts";
import type { TransferRequest } from "../../moves/transfer-request.ts";
import type { AgentIdentity } from "../identity.ts";
import { peerErrors } from "../errors.ts";
import type { OnTransferRequest } from "../transfers.ts";
import { requestTransfer } from "./request-transfer.ts";
import { serveTransfers, type TransferServer } from "./serve-transfers.ts";

export interface TransportDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly identity: AgentIdentity;
  readonly port: number;
}

/**
 * How often the certificate that is shown is looked at: a renewed one is shown an hour after it was
 * published.
 */
const LOOK_MS = 60_000;
/** Time until the agent tries again to listen on a port that was taken. */
const AGAIN_MS = 5_000;

/** Agents reach each other by what their StorageNodes say: address, port, and fingerprints. */
export class TlsTransport {
  readonly #deps: TransportDeps;
  readonly #nodes: Informer<StorageNode>;

  constructor(deps: TransportDeps) {
    this.#deps = deps;
    this.#nodes = new Informer<StorageNode>(deps, { resource: storageNodes });
  }

  /**
   * Serves other agents until the signal is aborted. A port that another process has (an agent that
   * still runs beside its successor) is logged and tried again: the pods of this node do not need
   * it.
   */
  async serve(answer: OnTransferRequest, signal: AbortSignal): Promise<void> {
    const { clock, identity, log } = this.#deps;
    const watching = this.#nodes.run(signal);
    const server = await this.#listen(answer, signal);
    try {
      while (!signal.aborted) {
        await clock.sleep(LOOK_MS, signal).catch(() => undefined);
        try {
          server?.show((await identity.current()).shown);
        } catch (error) {
          log.error("cannot show the agent's certificate", { err: error });
        }
      }
    } finally {
      await server?.close();
      await watching;
    }
  }

  /** Undefined: the signal was aborted before it could listen. */
  async #listen(answer: OnTransferRequest, signal: AbortSignal): Promise<TransferServer | undefined> {
    const { clock, identity, log, port } = this.#deps;
    const identify = (fingerprint: string): string | undefined => this.#nodeWith(fingerprint);
    while (!signal.aborted) {
      try {
        const { shown } = await identity.current();
        const server = await serveTransfers({ clock, log, port, certificate: shown, identify }, answer);
        log.info("listening for transfers to other agents", { port: server.port });
        return server;
      } catch (error) {
        log.error("cannot listen for transfers to other agents", { port, err: error });
      }
      await clock.sleep(AGAIN_MS, signal).catch(() => undefined);
    }
    return undefined;
  }

  /** A connection to the agent of a node on which it sends the volume. */
  async request(node: string, request: TransferRequest, signal: AbortSignal): Promise<Duplex> {
    const { client, clock, identity } = this.#deps;
    const agent = (await client.find(storageNodes, { name: node }, { signal }))?.status?.agent;
    if (agent === undefined) throw peerErrors.UNKNOWN_NODE({ node });
    const { address, fingerprints, port } = agent;
    const certificate = (await identity.current()).shown;
    return requestTransfer({ clock, certificate }, { node, address, port, fingerprints }, request, signal);
  }

  #nodeWith(fingerprint: string): string | undefined {
    return this.#nodes.store.list().find(({ status }) => status?.agent?.fingerprints.includes(fingerprint) === true)
      ?.metadata.name;
  }
}
