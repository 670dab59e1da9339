import type { ConfigMap, HostPathVolumeSource, Node, PersistentVolume, Pod, Volume } from "kubernetes-types/core/v1.js";
import type { KubeClient } from "../../../kube/client.ts";
import { isNotFound } from "../../../kube/errors.ts";
import { configMaps, persistentVolumeClaims, persistentVolumes } from "../../../kube/kinds.ts";
import { uidOf } from "../../../kube/objects.ts";
import { messageOf } from "../../../observe/errors.ts";
import { secrets } from "../../objects/kinds.ts";
import { volumeFitsLabels } from "../../matching/node-selector.ts";
import { claimNameOf } from "../../objects/pods.ts";
import { csiTarget, type CsiDrivers } from "../csi-drivers.ts";
import type { NodeFiles } from "../node-files.ts";

export interface MountDeps {
  readonly client: KubeClient;
  readonly files: NodeFiles;
  readonly csi: CsiDrivers;
  /**
   * The kubelet's own node, as its cache has it: a label that has just been set may not be there
   * yet.
   */
  readonly node: () => Node | undefined;
}

/**
 * A volume could not be made ready; it is tried again. `event` is what the pod's events say, at
 * once.
 */
export class MountFailure extends Error {
  override readonly name = "MountFailure";
  readonly event: string | undefined;
  constructor(message: string, event?: string) {
    super(message);
    this.event = event;
  }
}

/** Makes one volume of a pod ready on the node. Returns its path there. Throws a MountFailure. */
export async function mountVolume(deps: MountDeps, pod: Pod, volume: Volume): Promise<string> {
  const { hostPath, configMap, secret, emptyDir } = volume;
  const failed = (why: string): MountFailure =>
    new MountFailure(why, `MountVolume.SetUp failed for volume "${volume.name}" : ${why}`);
  const own = (kind: string): string =>
    `/var/lib/kubelet/pods/${uidOf(pod)}/volumes/kubernetes.io~${kind}/${volume.name}`;
  if (hostPath !== undefined) {
    const why = await hostPathProblem(deps.files, hostPath).catch(messageOf);
    if (why !== undefined) throw failed(why);
    return hostPath.path;
  }
  if (claimNameOf(pod, volume) !== undefined) return mountClaim(deps, pod, volume);
  if (configMap !== undefined) {
    const path = own("configmap");
    await writeConfigMap(deps, pod, volume, path, failed);
    return path;
  }
  if (secret !== undefined) {
    const path = own("secret");
    const at = { name: secret.secretName ?? "", namespace: pod.metadata?.namespace };
    const found = await optional(deps.client.get(secrets, at));
    if (found === undefined && secret.optional !== true) throw failed(`secret "${at.name}" not found`);
    const entries = Object.entries(found?.data ?? {}).map(([key, text]) => [key, decoded(text)] as const);
    await writeAll(deps.files, path, Object.fromEntries(entries), secret.items);
    return path;
  }
  const path = own(emptyDir === undefined ? "projected" : "empty-dir");
  await deps.files.makeDirectories(path);
  return path;
}

/** Writes the files of a ConfigMap volume as the ConfigMap is now. */
export async function writeConfigMap(
  deps: MountDeps,
  pod: Pod,
  volume: Volume,
  path: string,
  failed: (why: string) => Error = (why) => new MountFailure(why),
): Promise<void> {
  const { name = "", optional: may, items } = volume.configMap ?? {};
  const at = { name, namespace: pod.metadata?.namespace };
  const found: ConfigMap | undefined = await optional(deps.client.get(configMaps, at));
  if (found === undefined && may !== true) throw failed(`configmap "${name}" not found`);
  await writeAll(deps.files, path, found?.data ?? {}, items);
}

async function writeAll(
  files: NodeFiles,
  path: string,
  data: Readonly<Record<string, string>>,
  items: readonly { readonly key: string; readonly path: string }[] | undefined,
): Promise<void> {
  await files.makeDirectories(path);
  const wanted = items ?? Object.keys(data).map((key) => ({ key, path: key }));
  for (const item of wanted) {
    const text = data[item.key];
    if (text === undefined) continue;
    const file = `${path}/${item.path}`;
    await files.makeDirectories(file.slice(0, file.lastIndexOf("/")));
    await files.writeText(file, text);
  }
}

/** Checks a host path, and creates it if its type says so. Returns the kubelet's error message. */
async function hostPathProblem(
  files: NodeFiles,
  { path, type = "" }: HostPathVolumeSource,
): Promise<string | undefined> {
  const kind = await files.kind(path);
  switch (type) {
    case "":
      // The container runtime makes what is not there.
      if (kind === undefined) await files.makeDirectories(path);
      return undefined;
    case "DirectoryOrCreate":
      if (kind === undefined) await files.makeDirectories(path);
      return kind === undefined || kind === "directory"
        ? undefined
        : `hostPath type check failed: ${path} is not a directory`;
    case "Directory":
      return kind === "directory" ? undefined : `hostPath type check failed: ${path} is not a directory`;
    case "FileOrCreate":
      if (kind === undefined) await files.writeText(path, "");
      return kind === undefined || kind === "file" ? undefined : `hostPath type check failed: ${path} is not a file`;
    case "File":
      return kind === "file" ? undefined : `hostPath type check failed: ${path} is not a file`;
    default:
      return kind === "other" ? undefined : `hostPath type check failed: ${path} is not of type ${type}`;
  }
}

/**
 * Fails until the claim is bound, so that the caller tries again. Checks each time that the
 * volume's node affinity fits this node.
 */
async function mountClaim(deps: MountDeps, pod: Pod, volume: Volume): Promise<string> {
  const namespace = pod.metadata?.namespace ?? "";
  const name = claimNameOf(pod, volume) ?? "";
  const processing = (why: string): MountFailure =>
    new MountFailure(`error processing PVC ${namespace}/${name}: ${why}`);
  const claim = await optional(deps.client.get(persistentVolumeClaims, { name, namespace }));
  if (claim === undefined)
    throw processing(`failed to fetch PVC from API server: persistentvolumeclaims "${name}" not found`);
  if (claim.metadata?.deletionTimestamp !== undefined) throw processing("PVC is being deleted");
  const { volumeName = "" } = claim.spec ?? {};
  if (claim.status?.phase !== "Bound" || volumeName === "") throw processing("PVC is not bound");
  const found = await optional(deps.client.get(persistentVolumes, { name: volumeName }));
  if (found === undefined) throw processing(`failed to fetch PV ${volumeName} from API server`);
  const ref = found.spec?.claimRef;
  if (ref?.uid !== uidOf(claim))
    throw processing(`PV ${volumeName} spec.claimRef.uid ${ref?.uid ?? ""} != pvc.uid ${uidOf(claim)}`);
  if (!volumeFitsLabels(found, deps.node()?.metadata?.labels)) {
    const why = "no matching NodeSelectorTerms";
    throw new MountFailure(why, `MountVolume.NodeAffinity check failed for volume "${volumeName}" : ${why}`);
  }
  return mountSource(deps, found, uidOf(pod));
}

async function mountSource({ csi, files }: MountDeps, volume: PersistentVolume, podUID: string): Promise<string> {
  const { metadata, spec } = volume;
  const name = metadata?.name ?? "";
  if (spec?.csi !== undefined) {
    const target = csiTarget(podUID, name);
    await files.makeDirectories(target.slice(0, target.lastIndexOf("/")));
    try {
      await csi.publish(podUID, volume, target);
    } catch (error) {
      const why = messageOf(error);
      throw new MountFailure(why, `MountVolume.SetUp failed for volume "${name}" : ${why}`);
    }
    return target;
  }
  if (spec?.local !== undefined) {
    const { path } = spec.local;
    if ((await files.kind(path)) !== undefined) return path;
    const why = `path "${path}" does not exist`;
    throw new MountFailure(why, `MountVolume.NewMounter initialization failed for volume "${name}" : ${why}`);
  }
  if (spec?.hostPath !== undefined) {
    const why = await hostPathProblem(files, spec.hostPath);
    if (why === undefined) return spec.hostPath.path;
    throw new MountFailure(why, `MountVolume.SetUp failed for volume "${name}" : ${why}`);
  }
  throw new MountFailure(
    "no volume plugin matched",
    `MountVolume.SetUp failed for volume "${name}" : no volume plugin matched`,
  );
}

async function optional<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function decoded(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}
