import { defineErrors, type ErrorRow } from "../observe/errors.ts";

const CLAIM = "Delete the claim and create it again without this field, or use another class.";

/** Rows that have retry and advice in common. */
const rows =
  <R extends "change" | "backoff">(retry: R, advice: string) =>
  <M extends ErrorRow<never>["message"]>(message: M) => ({ message, retry, advice });

const inConfig = rows(
  "change",
  "Correct config.json in the ConfigMap; the last valid configuration stays in force meanwhile.",
);
const inTemplate = rows(
  "change",
  "Remove the field from helperPod.yaml, or start with --allow-unsafe-helper-pod-template if everybody who may edit the ConfigMap is trusted with root on the nodes.",
);
const bySelf = rows("backoff", "Nothing to do: Mooring tries again.");
const byCause = rows(
  "backoff",
  "The text after the colon is the cause: correct it. Mooring then tries again by itself.",
);
const withoutNode = rows(
  "backoff",
  "Add the annotation local.path.provisioner/selected-node with the node's name, or delete the object by hand.",
);
const amongNodes = rows(
  "backoff",
  "Add the annotation local.path.provisioner/selected-node with the name of the node that has the data.",
);

/**
 * Every error of the classic driver. The messages are those of local-path-provisioner v0.0.37,
 * where it has one.
 */
export const classicErrors = defineErrors("CLASSIC", {
  // Command line and start.
  EMPTY_FLAG: {
    message: ({ flag }: { flag: string }) => `invalid empty flag ${flag}`,
    retry: "change",
    advice: "Give the flag a value, or leave it out to get its default.",
  },
  EMPTY_FLAG_NO_CONFIGMAP: {
    message: (p: { flag: string; namespace: string; configMap: string; why: string }) =>
      `invalid empty flag ${p.flag} and it also does not exist at ConfigMap ${p.namespace}/${p.configMap} with err: ${p.why}`,
    retry: "change",
    advice: "Give the flag, or create the ConfigMap with that key; reading it needs the verb get on configmaps.",
  },
  CONFIGMAP_KEY_MISSING: {
    message: ({ key }: { key: string }) => `${key} is not exist in local-path-config ConfigMap`,
    retry: "change",
    advice: "Add the key to the ConfigMap that --configmap-name names.",
  },
  NEGATIVE_FLAG: {
    message: ({ flag }: { flag: string }) => `invalid negative integer flag ${flag}`,
    retry: "change",
    advice: "Give 0 (for ever) or more.",
  },
  ZERO_FLAG: {
    message: ({ flag }: { flag: string }) => `invalid zero or negative integer flag ${flag}`,
    retry: "change",
    advice: "Give 1 or more, or leave the flag out.",
  },
  FILE_UNREADABLE: {
    message: ({ file, why }: { file: string; why: string }) => `could not open file ${file} with err: ${why}`,
    retry: "change",
    advice: "Mount the file, or correct --helper-pod-file.",
  },
  CLIENT_CONFIG: {
    message: ({ why }: { why: string }) => `unable to get client config: ${why}`,
    retry: "change",
    advice: "Correct --kubeconfig or KUBECONFIG, or run in a pod with a ServiceAccount.",
  },
  CLIENT: {
    message: ({ why }: { why: string }) => `unable to get k8s client: ${why}`,
    retry: "change",
    advice: "Correct the kubeconfig.",
  },
  LEASES_ALLOWED: {
    message: () =>
      "the right to Leases was granted: this replica leads without a Lease and ends, so that two replicas do not lead",
    retry: "backoff",
    advice: "Nothing to do: the kubelet starts the container again, and then it competes for the Lease.",
  },

  // config.json.
  CONFIG_FILE: inConfig(({ file, why }: { file: string; why: string }) => `fail to load config file ${file}: ${why}`),
  CONFIG_CANONICALIZATION: inConfig(
    ({ why }: { why: string }) => `StorageClass config canonicalization failed: ${why}`,
  ),
  CONFIG_CLASS: inConfig(
    (p: { storageClass: string; why: string }) => `config for class ${p.storageClass} is invalid: ${p.why}`,
  ),
  DUPLICATE_NODE: inConfig(({ node }: { node: string }) => `duplicate node ${node}`),
  RELATIVE_PATH: inConfig(
    ({ path, node }: { path: string; node: string }) => `path must start with / for path ${path} on node ${node}`,
  ),
  ROOT_PATH: inConfig(({ node }: { node: string }) => `cannot use root ('/') as path on node ${node}`),
  DUPLICATE_PATH: inConfig(
    ({ path, node }: { path: string; node: string }) => `duplicate path ${path} on node ${node}`,
  ),
  EMPTY_PATH: inConfig(({ node }: { node: string }) => `empty path on node ${node}`),
  NULL_NODE: inConfig(({ index }: { index: number }) => `null instead of an object at nodePathMap[${index}]`),

  HELPER_TEMPLATE_INVALID: {
    message: ({ why }: { why: string }) => `the API server refuses pods of helperPod.yaml: ${why}`,
    retry: "backoff",
    advice: "Correct helperPod.yaml in the ConfigMap. It is read again every 30 seconds.",
  },
  HELPER_TEMPLATE_UNTRIED: {
    message: ({ why }: { why: string }) => `the API server could not be asked whether it takes helperPod.yaml: ${why}`,
    retry: "backoff",
    advice: "Nothing to do if the API server can be reached again: Mooring asks it every 30 seconds.",
  },

  // Choosing the configuration and the path.
  UNKNOWN_CLASS: {
    message: (p: { storageClass: string }) =>
      `BUG: Got request for unexpected storage class ${p.storageClass} (storageClassConfigs in config.json does not name it)`,
    retry: "backoff",
    advice:
      "Name the class in storageClassConfigs of config.json. A volume with a node affinity is removed without that.",
  },
  NOTHING_CONFIGURED: {
    message: () => "both nodePathMap and sharedFileSystemPath are unconfigured",
    retry: "backoff",
    advice: "Set one of the two in config.json.",
  },
  BOTH_CONFIGURED: {
    message: () => "both nodePathMap and sharedFileSystemPath are defined. Please make sure only one is in use",
    retry: "backoff",
    advice: "Remove one of the two from config.json.",
  },
  NODE_NOT_CONFIGURED: {
    message: ({ node, fallback }: { node: string; fallback: string }) =>
      `config doesn't contain node ${node}, and no ${fallback} available`,
    retry: "reschedule",
    advice: "Add the node, or the default entry, to nodePathMap. The scheduler is asked for another node meanwhile.",
  },
  NO_PATH_ON_NODE: {
    message: ({ node }: { node: string }) => `no local path available on node ${node}`,
    retry: "reschedule",
    advice:
      "Nothing, if another node is chosen: this node's entry has no paths, so the node is not used. If the pod fits no other node, give the node a path in nodePathMap, or change the pod.",
  },
  PATH_NOT_ON_NODE: {
    message: ({ path, node }: { path: string; node: string }) => `config doesn't contain path ${path} on node ${node}`,
    retry: "reschedule",
    advice:
      "The class's nodePath must equal one of the node's paths to the letter, without a trailing slash. The scheduler is asked for another node meanwhile.",
  },

  // Claims.
  SELECTOR: {
    message: () => "claim.Spec.Selector is not supported",
    retry: "never",
    advice: CLAIM,
  },
  ACCESS_MODE: {
    message: () => "NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes",
    // The configuration may name a shared file system later.
    retry: "backoff",
    advice: "Ask for ReadWriteOnce, or use a class on a shared file system.",
  },
  NO_NODE: {
    message: () =>
      "configuration error, no node was specified (binding is Immediate, and no Ready, uncordoned node that has a path fits the claim)",
    retry: "backoff",
    advice:
      "No Ready, uncordoned node with a path fits the claim. Use volumeBindingMode WaitForFirstConsumer, or add a node.",
  },
  VOLUME_TYPE: {
    message: ({ type }: { type: string }) =>
      `failed to create persistent volume source: "${type}" is not a recognised volume type`,
    retry: "change",
    advice: "volumeType on the claim and defaultVolumeType on the class may be hostPath or local.",
  },

  LOCAL_ON_SHARED: {
    message: () => "volume type local needs a node affinity, which a volume on a shared file system does not have",
    retry: "change",
    advice: "Use volume type hostPath with sharedFileSystemPath.",
  },

  // Patterns.
  PATH_PATTERN: {
    message: ({ pattern, why }: { pattern: string; why: string }) =>
      `failed to create path from pattern ${pattern}: ${why}`,
    retry: "backoff",
    advice: "Correct the class's pathPattern (a new class: parameters cannot be edited), or the claim's labels.",
  },
  PATH_PREFIX: {
    message: ({ path }: { path: string }) =>
      `pathPattern must start with {{ .PVC.Namespace }}/{{ .PVC.Name }}/: ${path}`,
    retry: "backoff",
    advice:
      'Begin the pattern like that, or annotate the class with allowUnsafePathPattern: "true" if every author of claims is trusted with the whole base directory.',
  },
  PATH_REFERENCES: {
    message: ({ path }: { path: string }) => `folder path contains invalid references: ${path}`,
    retry: "backoff",
    advice: "A segment is empty, `.`, `..` or `<no value>`: correct the claim's labels and annotations or the pattern.",
  },
  NAME_TOO_LONG: {
    message: (p: { path: string; what: string; bytes: number; most: number }) =>
      `${p.what} ${p.path} has ${p.bytes} bytes, and Linux takes ${p.most}: give the claim a shorter name, or use a class whose pathPattern makes a shorter one`,
    // Nothing but the claim, or its class, can make it shorter.
    retry: "never",
    advice: "Delete the claim and create it again under a shorter name, or in another class.",
  },
  DATA_PATTERN: {
    message: (p: { what: "user" | "group" | "perm"; pattern: string; why: string }) =>
      `failed to create ${p.what} from pattern ${p.pattern}: ${p.why}`,
    retry: "backoff",
    advice: "Correct the pattern in the class, or give the claim the label or annotation it reads.",
  },

  // Helper pod template.
  TEMPLATE_YAML: {
    message: ({ text }: { text: string }) => `invalid YAMLToJSON the helper pod with helperPodYaml: ${text}`,
    retry: "change",
    advice: "Correct the YAML of helperPod.yaml.",
  },
  TEMPLATE_POD: {
    message: ({ json }: { json: string }) => `invalid unmarshal the helper pod with helperPodJson: ${json}`,
    retry: "change",
    advice: "helperPod.yaml must be a Pod.",
  },
  TEMPLATE_NO_CONTAINER: {
    message: () => "helper pod template does not specify any container",
    retry: "change",
    advice: "Add a container called helper-pod.",
  },
  TEMPLATE_CONTAINERS: inTemplate(() => "helper pod template must specify exactly one container"),
  TEMPLATE_UNSAFE: inTemplate(
    ({ what }: { what: string }) =>
      `helper pod template must not ${what} unless allow-unsafe-helper-pod-template is enabled`,
  ),

  // Helper pods.
  HELPER_INPUT: {
    message: () => "invalid empty name or path or node",
    retry: "backoff",
    advice: "Report this with the claim and its class.",
  },
  HELPER_RELATIVE: {
    message: ({ path }: { path: string }) => `volume path ${path} is not absolute`,
    retry: "backoff",
    advice: "sharedFileSystemPath must be an absolute path.",
  },
  HELPER_PARENT: {
    message: ({ action, path }: { action: string; path: string }) =>
      `invalid path ${action} for ${path}: cannot find parent dir or volume dir or parent dir is relative`,
    retry: "backoff",
    advice: "A volume cannot lie directly below /: choose a base path that is a directory of its own.",
  },
  HELPER_TIMEOUT: {
    message: ({ seconds }: { seconds: number }) => `create process timeout after ${seconds} seconds`,
    retry: "backoff",
    advice:
      "Look at the events of the claim and of the helper pod: image, node and script are the usual causes. cmdTimeoutSeconds in config.json sets the time.",
  },
  HELPER_FAILED: {
    message: ({ pod, why, log }: { pod: string; why: string; log: string }) =>
      `helper pod ${pod} failed${why === "" ? "" : ` (${why})`}${log === "" ? "" : `: ${log}`}`,
    retry: "backoff",
    advice: "The text after the colon is the end of the helper's own output: correct the script or the node.",
  },
  HELPER_GONE: bySelf(({ pod }: { pod: string }) => `helper pod ${pod} was deleted before it had ended`),
  HELPER_NAME_TAKEN: {
    message: ({ pod }: { pod: string }) => `a pod called ${pod} exists already and is not for this volume`,
    retry: "backoff",
    advice:
      "Look at that pod, and delete it if it is not needed. If it is the helper pod of a volume with a similar name, it goes away by itself. Names of helper pods are cut at 128 characters, so a shorter metadata.name in helperPod.yaml prevents this.",
  },
  HELPER_STUCK: {
    message: ({ pod, node }: { pod: string; node: string }) =>
      `helper pod ${pod}${node === "" ? "" : ` on node ${node}`} was told to end and does not`,
    retry: "backoff",
    advice: "Look at the node. When it will not come back, delete its Node object, or taint it out-of-service.",
  },
  TEARDOWN_LEFT: {
    message: ({ pod, node, path }: { pod: string; node: string; path: string }) =>
      `helper pod ${pod}${node === "" ? "" : ` on node ${node}`} may still remove ${path}`,
    retry: "backoff",
    advice:
      "Nothing, while the node is there: it is tried again. When the node will not come back, delete its Node object, or taint it out-of-service.",
  },
  CREATE_FAILED: byCause(
    ({ volume, why }: { volume: string; why: string }) => `failed to create volume ${volume}: ${why}`,
  ),
  DELETE_FAILED: byCause(
    ({ volume, why }: { volume: string; why: string }) => `failed to delete volume ${volume}: ${why}`,
  ),

  // Shared directories.
  PATH_BEING_RECLAIMED: {
    message: (p: { path: string; other: string }) =>
      `${p.path} overlaps the directory of volume ${p.other}, which is being deleted and would take the new volume's data with it`,
    retry: "backoff",
    advice: "Nothing: it is tried again once the other volume is gone.",
  },
  PATH_BEING_MADE: bySelf(
    (p: { path: string; other: string }) =>
      `${p.path} overlaps the directory of volume ${p.other}, which is being made`,
  ),

  STORED_MEANWHILE: bySelf(
    ({ volume }: { volume: string }) => `another leader has stored PersistentVolume ${volume} meanwhile`,
  ),

  // Reclaiming.
  NO_PATH_SET: {
    message: () => "no path set",
    retry: "backoff",
    advice: "The PersistentVolume has neither hostPath nor local, or both: correct or delete it by hand.",
  },
  NO_AFFINITY: withoutNode(() => "no NodeAffinity set"),
  NO_AFFINITY_REQUIRED: withoutNode(() => "no NodeAffinity.Required set"),
  SEVERAL_VALUES: amongNodes(() => "multiple values for the node affinity"),
  NO_AFFINITED_NODE: amongNodes(() => "cannot find affinited node"),
  SEVERAL_NODES: amongNodes(
    (p: { key: string; value: string; nodes: readonly string[] }) =>
      `several nodes have the label ${p.key}=${p.value}: ${p.nodes.join(", ")}`,
  ),
  LABEL_MOVED: {
    message: (p: { made: string; key: string; value: string; now: string }) =>
      `the directory was made on node ${p.made}, and now only node ${p.now} has the label ${p.key}=${p.value}: if the directory is on ${p.now}, set the annotation local.path.provisioner/selected-node to ${p.now}; if it is on ${p.made}, bring ${p.made} back with that label`,
    retry: "backoff",
    advice:
      "Find the node that has the directory, and do what the message says. If no node has it any more, delete the PersistentVolume by hand.",
  },
});
