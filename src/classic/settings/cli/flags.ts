/** One flag of the command line. */
export interface Flag {
  readonly name: string;
  readonly alias?: string;
  readonly type: "string" | "bool" | "int" | "float";
  readonly env?: string;
  /** What it is when neither flag nor environment say. */
  readonly initial: string | number | boolean;
  /** Shown instead of `initial`. */
  readonly initialText?: string;
  readonly usage: string;
}

const string = (name: string, initial: string, usage: string, env?: string): Flag => ({
  name,
  type: "string",
  initial,
  usage,
  ...(env === undefined ? {} : { env }),
});
const number = (name: string, initial: number, usage: string, more: Partial<Flag> = {}): Flag => ({
  name,
  type: "int",
  initial,
  usage,
  ...more,
});

export const DEBUG: Flag = {
  name: "debug",
  alias: "d",
  type: "bool",
  env: "RANCHER_DEBUG",
  initial: false,
  usage: "log at level debug",
};
export const HELP: Flag = { name: "help", alias: "h", type: "bool", initial: false, usage: "show help" };
export const VERSION: Flag = { name: "version", alias: "v", type: "bool", initial: false, usage: "print the version" };

/** Before the command; `--debug` is understood after it, too. */
export const GLOBAL_FLAGS: readonly Flag[] = [DEBUG, HELP, VERSION];

/** Of `start`, in the order of its help. All but the last are the original's. */
export const START_FLAGS: readonly Flag[] = [
  string(
    "config",
    "",
    "file (its name ends in .json) or JSON text of the configuration; empty: key config.json of the ConfigMap",
  ),
  string("provisioner-name", "rancher.io/local-path", "provisioner that StorageClasses name", "PROVISIONER_NAME"),
  string("namespace", "local-path-storage", "namespace of the helper pods and of the ConfigMap", "POD_NAMESPACE"),
  string(
    "helper-image",
    "rancher/library-busybox:1.32.1",
    "accepted and not used: the image is in helperPod.yaml",
    "HELPER_IMAGE",
  ),
  string("kubeconfig", "", "path to a kubeconfig, outside of a cluster"),
  string("configmap-name", "local-path-config", "ConfigMap with config.json, helperPod.yaml, setup and teardown"),
  string(
    "service-account-name",
    "local-path-provisioner-service-account",
    "ServiceAccount of the helper pods",
    "SERVICE_ACCOUNT_NAME",
  ),
  string("helper-pod-file", "", "file with the helper pod's template; empty: key helperPod.yaml of the ConfigMap"),
  number("worker-threads", 0, "helper pods at once, for creating and for deleting each", {
    initialText: "16 on each node",
  }),
  number("provisioning-retry-count", 15, "tries for a claim before it waits for a change; 0: for ever"),
  number("deletion-retry-count", 15, "tries for a volume's deletion before it waits for a change; 0: for ever"),
  {
    name: "allow-unsafe-helper-pod-template",
    type: "bool",
    env: "ALLOW_UNSAFE_HELPER_POD_TEMPLATE",
    initial: false,
    usage: "let helperPod.yaml set privileges, volumes and other unsafe fields",
  },
  number("kube-client-burst", 10, "requests at once to the API server", { initialText: "no limit" }),
  {
    name: "kube-client-qps",
    type: "float",
    initial: 5,
    initialText: "no limit",
    usage: "requests per second to the API server",
  },
  number("health-port", 8080, "port of /health, /ready and /metrics", { env: "HEALTH_PORT" }),
  {
    name: "express-bind",
    type: "bool",
    initial: true,
    usage: "bind claims without waiting for kube-controller-manager",
  },
];
