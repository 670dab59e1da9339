import type { Pod } from "../../../kube/kinds.ts";
import type { ClassicConfig } from "../../settings/config.ts";
import { classicErrors } from "../../errors.ts";
import { NOBODY, type Ownership } from "../../directory/name.ts";
import type { HelperTemplate } from "../../settings/helper-template.ts";
import {
  DATA_VOLUME,
  HELPER_AGAIN,
  HELPER_CLAIM_UID,
  HELPER_PATH,
  HELPER_PROVISIONER,
  HELPER_RETAIN,
  HELPER_VOLUME,
  HELPER_VOLUME_UID,
  SCRIPT_DIR,
  SCRIPT_VOLUME,
  SETUP_KEY,
  TEARDOWN_KEY,
} from "../../names.ts";
import { clean, join, split } from "../../directory/paths.ts";

export type HelperAction = "create" | "delete";

/** What a helper pod is to do. */
export interface HelperTask {
  readonly action: HelperAction;
  readonly volumeName: string;
  /**
   * For a teardown: the PersistentVolume, the claim that has released it, if its reference says
   * which, and since when it is released (milliseconds).
   */
  readonly released?: { readonly uid: string; readonly claimUid: string | undefined; readonly since: number };
  /** The volume's directory on the host. */
  readonly path: string;
  /** "" where any node will do (shared file system). */
  readonly node: string;
  readonly shared: boolean;
  readonly sizeBytes: bigint;
  /** @default "Filesystem", as in practice everywhere */
  readonly mode?: string | undefined;
  /** @default NOBODY */
  readonly ownership?: Ownership;
  /** The class's policy is Retain: noted on the pod, for whoever finds it. */
  readonly retain?: boolean;
  /** An attempt before this one may have made the directory: noted on the pod, too. */
  readonly again?: boolean;
  /**
   * Suffix of the pod's name, where a pod of the plain name is stuck on another node, or is still
   * needed as a record.
   */
  readonly suffix?: string;
}

/** What all helper pods of one configuration have in common. */
export interface HelperPodDefaults {
  readonly template: HelperTemplate;
  readonly config: Pick<ClassicConfig, "setupCommand" | "teardownCommand">;
  readonly namespace: string;
  readonly configMapName: string;
  readonly serviceAccountName: string;
  /** The name of our provisioner: noted on the pod. */
  readonly provisioner: string;
}

const LONGEST_NAME = 128;

/**
 * The pod that makes or removes a directory, exactly as the original makes it (scripts and policies
 * know its shape), except that it gets no ServiceAccount token.
 */
export function helperPod(task: HelperTask, defaults: HelperPodDefaults): Pod {
  if (task.volumeName === "" || task.path === "" || (!task.shared && task.node === "")) {
    throw classicErrors.HELPER_INPUT({});
  }
  if (!task.path.startsWith("/")) throw classicErrors.HELPER_RELATIVE({ path: task.path });
  const path = clean(task.path);
  const { dir, file } = split(path);

  const { template, config } = defaults;
  const scripts = [
    ...(config.setupCommand === "" ? [SETUP_KEY] : []),
    ...(config.teardownCommand === "" ? [TEARDOWN_KEY] : []),
  ];
  const script = scripts.length > 0;
  const { mounts, dataDir } = mountsFor(template.container.volumeMounts ?? [], dir, script);
  const parent = dataDir.endsWith("/") ? dataDir.slice(0, -1) : dataDir;
  if (parent === "" || file === "" || !parent.startsWith("/")) {
    throw classicErrors.HELPER_PARENT({ action: task.action, path });
  }
  const volumeDir = join(parent, file);
  const { mode = "Filesystem" } = task;

  const { serviceAccount: _, ...templateSpec } = template.spec;
  const [, ...otherContainers] = template.spec.containers;
  return {
    metadata: {
      ...template.metadata,
      name: helperPodName(template, task.action, task.volumeName, task.suffix),
      namespace: defaults.namespace,
      annotations: { ...template.metadata.annotations, ...notesOn(task, defaults.provisioner, path) },
    },
    spec: {
      ...templateSpec,
      ...nodeNameFor(template, task.node),
      serviceAccountName: defaults.serviceAccountName,
      // The helper works on the host's disk and never on the API; a token would only be there to be
      // stolen.
      automountServiceAccountToken: false,
      restartPolicy: "Never",
      tolerations: template.spec.tolerations ?? [
        { key: "node.kubernetes.io/disk-pressure", operator: "Exists", effect: "NoSchedule" },
      ],
      volumes: [
        ...(template.spec.volumes ?? []),
        { name: DATA_VOLUME, hostPath: { path: dir, type: "DirectoryOrCreate" } },
        ...(script ? [scriptVolume(defaults.configMapName, scripts)] : []),
      ],
      containers: [
        {
          ...template.container,
          command: commandFor(task.action, config),
          args: ["-p", literal(volumeDir), "-s", `${task.sizeBytes}`, "-m", mode, "-a", task.action],
          env: [...(template.container.env ?? []), ...environment(task, mode, volumeDir)],
          volumeMounts: mounts,
        },
        ...otherContainers,
      ],
    },
  };
}

/** What the pod is for, so that whoever finds it can go on. */
function notesOn(task: HelperTask, provisioner: string, path: string): Record<string, string> {
  return {
    [HELPER_PROVISIONER]: provisioner,
    [HELPER_VOLUME]: task.volumeName,
    [HELPER_PATH]: path,
    ...(task.released === undefined ? {} : { [HELPER_VOLUME_UID]: task.released.uid }),
    ...(task.released?.claimUid === undefined ? {} : { [HELPER_CLAIM_UID]: task.released.claimUid }),
    ...(task.retain === true ? { [HELPER_RETAIN]: "true" } : {}),
    ...(task.again === true ? { [HELPER_AGAIN]: "true" } : {}),
  };
}

function scriptVolume(configMapName: string, scripts: readonly string[]) {
  return { name: SCRIPT_VOLUME, configMap: { name: configMapName, items: scripts.map((key) => ({ key, path: key })) } };
}

/** The same pod, noting that an attempt before it may have made the directory. */
export function markedAgain(pod: Pod): Pod {
  const annotations = { ...pod.metadata?.annotations, [HELPER_AGAIN]: "true" };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}

/** `helper-pod-create-pvc-…`: policies and dashboards match on it. */
export function helperPodName(
  template: HelperTemplate,
  action: HelperAction,
  volumeName: string,
  suffix: string = "",
): string {
  const name = `${template.metadata.name ?? ""}-${action}-${volumeName}`;
  if (name.length + suffix.length <= LONGEST_NAME) return name + suffix;
  // The server refuses a name that ends in one of these, or has a part between dots that does.
  return name.slice(0, LONGEST_NAME - suffix.length).replace(/[-.]+$/, "") + suffix;
}

function nodeNameFor(template: HelperTemplate, node: string): { nodeName?: string } {
  if (template.spec.nodeName !== undefined && template.spec.nodeName !== "") return {};
  return node === "" ? {} : { nodeName: node };
}

function commandFor(action: HelperAction, config: HelperPodDefaults["config"]): string[] {
  const own = action === "create" ? config.setupCommand : config.teardownCommand;
  return own === "" ? ["/bin/sh", `${SCRIPT_DIR}/${action === "create" ? SETUP_KEY : TEARDOWN_KEY}`] : [own];
}

/**
 * Escapes a text so that the kubelet passes it on unchanged. The kubelet replaces `$(NAME)` in
 * arguments and in the environment, and `$$` by `$`. Without this, a directory that is named after
 * a claim's label or annotation would be made, and removed, at another path than its
 * PersistentVolume says.
 */
function literal(text: string): string {
  return text.replaceAll("$", () => "$$");
}

function environment(
  { ownership = NOBODY, sizeBytes }: HelperTask,
  mode: string,
  volumeDir: string,
): { name: string; value: string }[] {
  return [
    { name: "VOL_DIR", value: literal(volumeDir) },
    { name: "VOL_MODE", value: mode },
    { name: "VOL_SIZE_BYTES", value: `${sizeBytes}` },
    { name: "VOL_USER", value: literal(ownership.user) },
    { name: "VOL_GROUP", value: literal(ownership.group) },
    { name: "VOL_PERM", value: literal(ownership.perm) },
  ];
}

type Mount = { readonly name: string; readonly mountPath: string };

/**
 * The template's mounts and ours. An unsafe template may say where `data` is mounted; `script` is
 * always at /script.
 */
function mountsFor(
  own: readonly Mount[],
  parentDir: string,
  script: boolean,
): { readonly mounts: Mount[]; readonly dataDir: string } {
  const mounts = [...own];
  const place = (name: string, mountPath: string, forced: boolean): string => {
    const at = mounts.findIndex((mount) => mount.name === name);
    const given = mounts[at]?.mountPath ?? "";
    const path = forced || given === "" ? mountPath : given;
    if (at < 0) mounts.push({ name, mountPath: path });
    else mounts[at] = { ...mounts[at], name, mountPath: path };
    return path;
  };
  if (script) place(SCRIPT_VOLUME, SCRIPT_DIR, true);
  const dataDir = place(DATA_VOLUME, parentDir, false);
  return { mounts, dataDir };
}
