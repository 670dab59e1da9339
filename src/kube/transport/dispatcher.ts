import { Agent, ProxyAgent, type buildConnector, type Dispatcher } from "undici";
import type { Clock } from "../../effects/clock.ts";
import type { Files } from "../../effects/files.ts";
import { background } from "../../observe/background.ts";
import type { Log } from "../../observe/log.ts";
import type { ClusterAccess, Pem } from "../config/access.ts";
import { KubeError } from "../errors.ts";
import type { Identity } from "./credentials.ts";
import { Refreshed } from "./refreshed.ts";

/**
 * Requests that run at once, beside streams and leases. As many as one HTTP/2 connection of
 * client-go carries by default; more sockets only cost the server memory.
 */
const WORK_CONNECTIONS = 100;
/**
 * An API server closes idle connections after 90 s. We close them earlier, so that no request is
 * sent on a connection that the server is closing.
 */
const IDLE_MS = 60_000;
/** A connection attempt that takes this long has failed: the host does not answer. */
const CONNECT_TIMEOUT_MS = 10_000;
/** TCP probes after this much silence, so that NAT tables do not forget a quiet watch. */
const KEEPALIVE_DELAY_MS = 30_000;
/** Certificate files are read again when the last read is older than this. */
export const PEM_MAX_AGE_MS = 60_000;

/** The two sets of connections to one server under one identity. */
export interface Connections {
  readonly work: Dispatcher;
  /**
   * For streams, which occupy a connection, and for leases, which must not queue behind work. Their
   * number is not limited.
   */
  readonly own: Dispatcher;
}

interface TlsMaterial {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/**
 * Connections that follow certificate changes: when the CA or the client certificate changes, new
 * connections are made, and each old one is closed after its last request.
 */
export class ConnectionSets {
  readonly #cluster: ClusterAccess;
  readonly #log: Log;
  readonly #pems: Refreshed<TlsMaterial>;
  readonly #draining = new Set<Connections>();
  #current: { readonly material: TlsMaterial; readonly connections: Connections } | undefined;
  #closed = false;

  constructor(options: { cluster: ClusterAccess; clock: Clock; files: Files; log: Log }) {
    const { cluster, files } = options;
    this.#cluster = cluster;
    this.#log = options.log;
    const textOf = async (pem: Pem | undefined): Promise<string | undefined> =>
      pem === undefined ? undefined : "text" in pem ? pem.text : files.readText(pem.file);
    this.#pems = new Refreshed({
      ...options,
      what: `certificates of ${cluster.source}`,
      maxAgeMs: PEM_MAX_AGE_MS,
      read: async () => ({
        ca: await textOf(cluster.tls.authority),
        cert: await textOf(cluster.tls.clientCertificate?.certificate),
        key: await textOf(cluster.tls.clientCertificate?.key),
      }),
    });
  }

  /**
   * The connections for this identity. Use them in the same turn of the event loop: later they may
   * be draining.
   */
  async connections(identity: Identity): Promise<Connections> {
    const files = await this.#pems.get();
    const { certificate } = identity;
    const material =
      certificate === undefined ? files : { ca: files.ca, cert: certificate.certificate, key: certificate.key };
    if (this.#current !== undefined && same(this.#current.material, material)) return this.#current.connections;
    if (this.#closed) throw new KubeError({ code: 0, reason: "Closed", message: "the client is closed" });
    this.#drain();
    const connections = { work: this.#open(material, WORK_CONNECTIONS), own: this.#open(material, null) };
    this.#current = { material, connections };
    return connections;
  }

  /**
   * Cuts all connections. What is under way fails with ConnectionReset. A connection that is just
   * being made may live on until its time-out.
   */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#draining, ...(this.#current === undefined ? [] : [this.#current.connections])];
    this.#current = undefined;
    await Promise.all(all.flatMap(({ work, own }) => [work.destroy(), own.destroy()]));
  }

  #drain(): void {
    if (this.#current === undefined) return;
    const { connections } = this.#current;
    this.#draining.add(connections);
    this.#log.info("certificates changed, reconnecting", { cluster: this.#cluster.source });
    const drain = async (): Promise<void> => {
      // Not in this turn of the event loop: a request that has just been given these connections is
      // about to use them.
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.all([connections.work.close(), connections.own.close()]);
      this.#draining.delete(connections);
    };
    void background(this.#log, "drain connections", drain());
  }

  #open(material: TlsMaterial, connections: number | null): Dispatcher {
    const { tls, proxyUrl } = this.#cluster;
    const socket: buildConnector.BuildOptions = {
      timeout: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelay: KEEPALIVE_DELAY_MS,
    };
    const connect: buildConnector.BuildOptions = {
      ...socket,
      ...material,
      rejectUnauthorized: tls.insecure !== true,
      ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    };
    const options: Agent.Options = {
      connections,
      // undici's HTTP/2 is known to leak memory under watches, and gains nothing here: connections
      // are pooled.
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      // Time-outs come from the clock that was handed in (CallScope); a watch may be silent for as
      // long as it likes.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    return proxyUrl === undefined
      ? new Agent({ ...options, connect })
      : new ProxyAgent({ ...options, uri: proxyUrl, requestTls: connect, proxyTls: socket });
  }
}

function same(a: TlsMaterial, b: TlsMaterial): boolean {
  return a.ca === b.ca && a.cert === b.cert && a.key === b.key;
}
