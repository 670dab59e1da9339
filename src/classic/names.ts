/**
 * What the classic driver reads and writes by name. All but the last group belong to
 * local-path-provisioner and must not change: charts, policies and people's StorageClasses use
 * them. Their keys carry no domain, so they are kept apart from src/api/names.ts.
 */

/**
 * On a PersistentVolume: the node its directory was made on; "" when it was made without one
 * (shared file system).
 */
export const PV_NODE = "local.path.provisioner/selected-node";

/** The entry of nodePathMap for every node that has none of its own. */
export const DEFAULT_NODE = "DEFAULT_PATH_FOR_NON_LISTED_NODES";

/** Parameters of a StorageClass. */
export const PARAMETERS = {
  nodePath: "nodePath",
  pathPattern: "pathPattern",
  nodeAffinityKey: "nodeAffinityKey",
  // These may be annotations of the class as well: parameters cannot be edited.
  allowUnsafePathPattern: "allowUnsafePathPattern",
  userPattern: "userPattern",
  groupPattern: "groupPattern",
  permPattern: "permPattern",
} as const;

/** Annotation of a StorageClass: the volume type of its claims, `hostPath` or `local`. */
export const DEFAULT_VOLUME_TYPE = "defaultVolumeType";
/** Annotation of a claim: its volume type; wins over the class's. */
export const VOLUME_TYPE = "volumeType";

/** Keys of the ConfigMap. */
export const CONFIG_KEY = "config.json";
export const HELPER_POD_KEY = "helperPod.yaml";
export const SETUP_KEY = "setup";
export const TEARDOWN_KEY = "teardown";

/** Volumes of a helper pod; an unsafe template may mount them where it likes. */
export const DATA_VOLUME = "data";
export const SCRIPT_VOLUME = "script";
export const SCRIPT_DIR = "/script";
/** The container whose log is read. */
export const HELPER_CONTAINER = "helper-pod";

/** Reasons of events about helper pods and reloads. */
export const EVENT_HELPER_STUCK = "HelperPodStuck";
export const EVENT_CONFIG_REFUSED = "ConfigReloadFailed";
export const EVENT_CONFIG_UNMATCHED = "ConfigUnmatched";
export const EVENT_CONFIG_APPLIED = "ConfigReloaded";
export const EVENT_HELPER_TEMPLATE_REFUSED = "HelperPodReloadFailed";
export const EVENT_HELPER_TEMPLATE_APPLIED = "HelperPodReloaded";

/**
 * Ours, on helper pods: which volume and directory the pod is for, so that a leader can finish what
 * a dead one began. Pods of the original carry neither and are recognised by name and environment.
 */
export const HELPER_VOLUME = "mooring.dev/helper-volume";
/**
 * Whose pod it is: several installations may share a namespace. Pods of the original, and of older
 * versions, do not have it.
 */
export const HELPER_PROVISIONER = "mooring.dev/provisioner";
/**
 * On a teardown pod: the UID of the PersistentVolume. An earlier PersistentVolume may have had the
 * same name.
 */
export const HELPER_VOLUME_UID = "mooring.dev/helper-volume-uid";
/**
 * On a teardown pod: the UID of the claim that was bound to the PersistentVolume. A claim releases
 * its volume once: a PersistentVolume that is released by another claim may have new data.
 */
export const HELPER_CLAIM_UID = "mooring.dev/helper-claim-uid";
export const HELPER_PATH = "mooring.dev/helper-path";
/**
 * On create pods: an attempt before this one, perhaps under another leader, may have made the
 * directory already, so this pod is its record even before it has started.
 */
export const HELPER_AGAIN = "mooring.dev/helper-again";
/**
 * On create pods of a class with reclaim policy Retain: what this attempt may have made is never
 * removed.
 */
export const HELPER_RETAIN = "mooring.dev/helper-retain";
/**
 * On create pods whose time was up: they are being ended by a deadline, and the next attempt does
 * not wait for their success.
 */
export const HELPER_STOPPED = "mooring.dev/helper-stopped";
/**
 * On create pods whose directory is being removed, or was: their success does not count any more.
 * The pod outlives the removal if it cannot be deleted, or if the leader dies.
 */
export const HELPER_GIVEN_UP = "mooring.dev/helper-given-up";
