import type { Lease } from "kubernetes-types/coordination/v1.js";
import type { Node, NodeCondition } from "kubernetes-types/core/v1.js";
import type { Clock } from "../../effects/clock.ts";
import { HOSTNAME_LABEL } from "../../api/names.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isAlreadyExists, isNotFound } from "../../kube/errors.ts";
import { leases, nodes } from "../../kube/kinds.ts";
import { microTime, secondsTime } from "../../kube/timestamps.ts";
import type { Log } from "../../observe/log.ts";

/** What a kubelet reports about its node when it registers. */
export interface NodeDescription {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Only at the first registration, as with --register-with-taints. */
  readonly taints?: NonNullable<Node["spec"]>["taints"];
  /** @default 4 CPUs, 16 GiB, 110 pods */
  readonly capacity?: Readonly<Record<string, string>>;
  /** @default 127.0.0.1 */
  readonly address?: string;
}

export interface RegistrationDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
}

const CAPACITY = { cpu: "4", memory: "16Gi", pods: "110", "ephemeral-storage": "100Gi" };
const LEASE_MS = 10_000;
const STATUS_MS = 300_000;
const RETRY_MS = 1_000;
const NAMESPACE = "kube-node-lease";

/**
 * Registers the node, once per kubelet: a Node object that is deleted while the kubelet runs does
 * not come back before the kubelet is started again. An object that is there keeps its labels and
 * taints, but for the default labels.
 */
export async function register(deps: RegistrationDeps, about: NodeDescription, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await registerOnce(deps, about, signal);
      return;
    } catch (error) {
      signal.throwIfAborted();
      deps.log.warn("node not registered, trying again", { node: about.name, err: error });
      await deps.clock.sleep(RETRY_MS, signal);
    }
  }
}

async function registerOnce(
  { client, clock }: RegistrationDeps,
  about: NodeDescription,
  signal: AbortSignal,
): Promise<void> {
  const defaults = { [HOSTNAME_LABEL]: about.name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" };
  const { taints = [] } = about;
  const status = statusOf(about, clock.now());
  try {
    const labels = { ...defaults, ...about.labels };
    const spec = taints.length === 0 ? {} : { taints };
    await client.create(nodes, { metadata: { name: about.name, labels }, spec, status }, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    await client.patchMerge(nodes, { name: about.name }, { metadata: { labels: defaults } }, { signal });
  }
  await client.patchMerge(nodes, { name: about.name }, { status }, { subresource: "status", signal });
}

/**
 * Renews the node's lease every 10 s, and its status every five minutes or when the node (as the
 * cache has it) is not Ready, until the signal is aborted.
 */
export async function heartbeat(
  deps: RegistrationDeps,
  about: NodeDescription,
  node: () => Node | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { client, clock, log } = deps;
  let statusAt = clock.monotonic();
  while (!signal.aborted) {
    await renewLease(deps, about.name, signal).catch((error: unknown) => {
      if (!signal.aborted) log.debug("node lease not renewed", { node: about.name, err: error });
    });
    const ready = node()?.status?.conditions?.find(({ type }) => type === "Ready")?.status ?? "True";
    if (ready !== "True" || clock.monotonic() - statusAt >= STATUS_MS) {
      statusAt = clock.monotonic();
      const { conditions } = statusOf(about, clock.now());
      await client
        .patchMerge(nodes, { name: about.name }, { status: { conditions } }, { subresource: "status", signal })
        .catch((error: unknown) => {
          if (!signal.aborted) log.debug("node status not written", { node: about.name, err: error });
        });
    }
    await clock.sleep(LEASE_MS, signal).catch(() => undefined);
  }
}

async function renewLease({ client, clock }: RegistrationDeps, node: string, signal: AbortSignal): Promise<void> {
  const renewTime = microTime(clock.now());
  const at = { name: node, namespace: NAMESPACE };
  try {
    await client.patchMerge(leases, at, { spec: { renewTime } }, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const spec = { holderIdentity: node, leaseDurationSeconds: 40, renewTime };
    const lease: Lease = { metadata: at, spec };
    await client.create(leases, lease, { signal });
  }
}

function statusOf(about: NodeDescription, now: number): NonNullable<Node["status"]> {
  const time = secondsTime(now);
  const condition = (type: string, status: "True" | "False", reason: string, message: string): NodeCondition => ({
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: time,
    lastTransitionTime: time,
  });
  const capacity = { ...CAPACITY, ...about.capacity };
  return {
    capacity,
    allocatable: capacity,
    addresses: [
      { type: "InternalIP", address: about.address ?? "127.0.0.1" },
      { type: "Hostname", address: about.name },
    ],
    conditions: [
      condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
      condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
      condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
      condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ],
    nodeInfo: {
      architecture: "amd64",
      bootID: about.name,
      containerRuntimeVersion: "lab://1",
      kernelVersion: "lab",
      kubeProxyVersion: "",
      kubeletVersion: "v1.37.2",
      machineID: about.name,
      operatingSystem: "linux",
      osImage: "Mooring lab",
      systemUUID: about.name,
    },
  };
}
