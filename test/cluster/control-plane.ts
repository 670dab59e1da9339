import { mkdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Binaries } from "./binaries.ts";
import type { ClusterIdentity } from "./identity.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import { clusterEnvironment, initScript, Namespaces } from "./namespaces.ts";
import { makePki, type Pki } from "./pki.ts";
import { ManagedProcess } from "./process.ts";

/** Address of the API server on the nodes' network. */
export const API_ADDRESS = "10.77.0.1";
const SERVICE_RANGE = "10.96.0.0/24";
const SERVICE_ADDRESS = "10.96.0.1";
const ETCD = "http://127.0.0.1:2379";

/** What a test may change about the components. */
export interface ControlPlaneOptions {
  readonly apiserverArgs?: readonly string[];
  readonly kcmArgs?: readonly string[];
  readonly schedulerArgs?: readonly string[];
}

/**
 * etcd, the three Kubernetes components, and the relay that makes the API reachable from outside
 * the cluster.
 */
export class ControlPlane {
  readonly namespaces: Namespaces;
  readonly pki: Pki;
  readonly etcd: ManagedProcess;
  readonly apiserver: ManagedProcess;
  readonly controllerManager: ManagedProcess;
  readonly scheduler: ManagedProcess;
  /** The admin's, for callers outside the cluster. */
  readonly kubeconfig: string;
  readonly #identity: ClusterIdentity;
  readonly #components: string;
  readonly #logs: string;

  private constructor(
    identity: ClusterIdentity,
    binaries: Binaries,
    pki: Pki,
    namespaces: Namespaces,
    options: ControlPlaneOptions,
  ) {
    this.#identity = identity;
    this.#components = join(binaries.componentsDirectory, "components");
    this.#logs = join(identity.directory, "logs");
    this.pki = pki;
    this.namespaces = namespaces;
    this.kubeconfig = join(identity.directory, "kubeconfig");
    this.etcd = this.#component("etcd", [`--data-dir=${join(identity.directory, "etcd")}`]);
    this.apiserver = this.#component("kube-apiserver", [...this.#apiserverArgs(), ...(options.apiserverArgs ?? [])]);
    this.controllerManager = this.#component("kube-controller-manager", [
      ...this.#controllerManagerArgs(),
      ...(options.kcmArgs ?? []),
    ]);
    this.scheduler = this.#component("kube-scheduler", [
      `--kubeconfig=${this.internalKubeconfig("kube-scheduler")}`,
      "--leader-elect=false",
      "--secure-port=0",
      ...(options.schedulerArgs ?? []),
    ]);
  }

  /** Makes the namespaces, the certificates and the relay; starts no component yet. */
  static async prepare(
    identity: ClusterIdentity,
    binaries: Binaries,
    nodes: readonly string[],
    options: ControlPlaneOptions,
  ): Promise<ControlPlane> {
    const { directory } = identity;
    for (const name of ["logs", "pki", "etcd"]) await mkdir(join(directory, name), { mode: 0o700 });
    const namespaces = new Namespaces({
      name: "the control plane",
      identity,
      directory,
      logFile: join(directory, "logs", "init.log"),
      script: initScript("control-plane"),
      args: [directory],
    });
    const [pki] = await Promise.all([
      makePki(join(directory, "pki"), ["127.0.0.1", API_ADDRESS, SERVICE_ADDRESS], nodes),
      namespaces.start(() => join(directory, "init.pid")),
    ]);
    const plane = new ControlPlane(identity, binaries, pki, namespaces, options);
    const internal = ["admin", "kube-controller-manager", "kube-scheduler"];
    for (const name of internal) {
      await writeKubeconfig(plane.internalKubeconfig(name), `https://${API_ADDRESS}`, pki, name);
    }
    await writeKubeconfig(plane.kubeconfig, `https://${await plane.#startRelay()}`, pki, "admin");
    return plane;
  }

  /** All that has to run for a cluster to work. */
  get components(): readonly ManagedProcess[] {
    return [this.etcd, this.apiserver, this.controllerManager, this.scheduler];
  }

  /** A kubeconfig for callers inside the cluster's network. */
  internalKubeconfig(name: string): string {
    return join(this.#identity.directory, "pki", `${name}.kubeconfig`);
  }

  #component(name: string, args: readonly string[]): ManagedProcess {
    return new ManagedProcess({
      name,
      argv: [...this.namespaces.enter(["mount", "net", "pid"]), this.#components, name, ...args],
      env: clusterEnvironment(this.#identity),
      logFile: join(this.#logs, `${name}.log`),
      forks: true,
    });
  }

  #apiserverArgs(): string[] {
    const { pki } = this;
    return [
      `--etcd-servers=${ETCD}`,
      "--bind-address=0.0.0.0",
      // Port 443, so that the Service address, which is a local address here, leads to it without
      // kube-proxy.
      "--secure-port=443",
      `--advertise-address=${API_ADDRESS}`,
      `--service-cluster-ip-range=${SERVICE_RANGE}`,
      `--cert-dir=${join(this.#identity.directory, "pki")}`,
      `--tls-cert-file=${pki.certificate("apiserver")}`,
      `--tls-private-key-file=${pki.key("apiserver")}`,
      `--client-ca-file=${pki.certificate("ca")}`,
      "--authorization-mode=Node,RBAC",
      "--enable-admission-plugins=NodeRestriction",
      "--allow-privileged=true",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${pki.key("service-accounts")}`,
      `--service-account-signing-key-file=${pki.key("service-accounts")}`,
      "--kubelet-preferred-address-types=InternalIP",
      `--kubelet-client-certificate=${pki.certificate("admin")}`,
      `--kubelet-client-key=${pki.key("admin")}`,
      // Webhooks that name a Service are sent to the pod itself: again no kube-proxy.
      "--enable-aggregator-routing=true",
    ];
  }

  #controllerManagerArgs(): string[] {
    const { pki } = this;
    return [
      `--kubeconfig=${this.internalKubeconfig("kube-controller-manager")}`,
      "--use-service-account-credentials",
      `--service-account-private-key-file=${pki.key("service-accounts")}`,
      `--root-ca-file=${pki.certificate("ca")}`,
      `--cluster-signing-cert-file=${pki.certificate("ca")}`,
      `--cluster-signing-key-file=${pki.key("ca")}`,
      "--leader-elect=false",
      "--secure-port=0",
      // Nothing about its client's rate limits: 20 requests/s is what a stock cluster has, and what
      // tests are about.
    ];
  }

  /**
   * Starts the relay in the network of the caller, and gives the loopback address it listens on.
   */
  async #startRelay(): Promise<string> {
    const enter = this.namespaces.enter(["mount", "pid"]);
    const relay = [this.#components, "relay", "--netns=/proc/1/ns/net", `--to=${API_ADDRESS}:443`];
    const child = spawn("/usr/bin/env", [...enter, ...relay], {
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
      env: clusterEnvironment(this.#identity),
      cwd: "/",
    });
    child.unref();
    const lines = createInterface({ input: child.stdout });
    try {
      return await new Promise<string>((resolve, reject) => {
        lines.once("line", resolve);
        child.once("error", reject);
        child.once("exit", (code) => reject(new Error(`the relay ended with ${code}`)));
      });
    } finally {
      lines.close();
      // The relay writes nothing more; its open pipe must not keep this process alive.
      child.stdout.destroy();
    }
  }
}
