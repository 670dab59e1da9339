import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { PAUSE_IMAGE } from "./image-names.ts";
import { CNI_PLUGINS } from "./packages.ts";

/** Where a node sees its configuration. */
export const CONFIG = "/run/mooring/config";
/** Containerd's socket on the node. */
export const CONTAINERD_SOCKET = "/run/containerd/containerd.sock";

/** Writes the configuration files of a node into the directory that it will see as CONFIG. */
export async function writeNodeConfig(directory: string, podRange: string): Promise<void> {
  await mkdir(join(directory, "cni"), { recursive: true });
  await writeFile(join(directory, "kubelet.yaml"), stringify(kubelet()));
  await writeFile(join(directory, "containerd.toml"), containerd());
  await writeFile(join(directory, "cni", "10-mooring.conflist"), JSON.stringify(cni(podRange), undefined, 2));
}

function kubelet(): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${CONFIG}/ca.crt` },
    },
    authorization: { mode: "Webhook" },
    clusterDomain: "cluster.local",
    // Nothing of this network resolves names; pods get no resolver rather than the machine's.
    resolvConf: "",
    volumePluginDir: "/var/lib/kubelet/volumeplugins",
    cgroupDriver: "cgroupfs",
    failCgroupV1: false,
    failSwapOn: false,
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    makeIPTablesUtilChains: false,
    // The disk is that of the machine, shared by all nodes: no node may act on how full it is.
    evictionHard: {},
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    healthzPort: 0,
    maxPods: 250,
    serializeImagePulls: false,
  };
}

function containerd(): string {
  return `version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0

[grpc]
  address = "${CONTAINERD_SOCKET}"

[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'

  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = '${PAUSE_IMAGE}'

[plugins.'io.containerd.cri.v1.runtime']
  disable_apparmor = true
  restrict_oom_score_adj = true

  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ['${CNI_PLUGINS}']
    conf_dir = '${CONFIG}/cni'

  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = 'io.containerd.runc.v2'

    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      SystemdCgroup = false
`;
}

function cni(podRange: string): object {
  return {
    cniVersion: "1.0.0",
    name: "mooring",
    plugins: [
      {
        type: "ptp",
        ipMasq: false,
        ipam: {
          type: "host-local",
          // On the tmpfs: after a crash no pod is there any more, and no address must stay taken.
          dataDir: "/run/cni/addresses",
          ranges: [[{ subnet: podRange }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
    ],
  };
}
