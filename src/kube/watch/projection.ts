import type { Node, Pod } from "../kinds.ts";
import type { KubeObject } from "../objects.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * The object without managedFields and the last-applied annotation. Only the API server and kubectl
 * need them, and they are often more than half of the object.
 */
export function slim<T extends KubeObject>(object: T): T {
  const { metadata } = object;
  if (metadata === undefined) return object;
  const { managedFields, annotations, ...rest } = metadata;
  const lastApplied = annotations?.[LAST_APPLIED];
  if (managedFields === undefined && lastApplied === undefined) return object;
  if (annotations === undefined) return { ...object, metadata: rest };
  const { [LAST_APPLIED]: _dropped, ...kept } = annotations;
  return { ...object, metadata: { ...rest, annotations: kept } };
}

type PodSpec = NonNullable<Pod["spec"]>;
type Container = PodSpec["containers"][number];

/**
 * The parts of a pod that matter to where it can run, to its volumes, and to whether it has begun.
 * Environment, commands, probes, mounts and other volumes are most of a pod, and nothing that
 * watches the pods of a whole cluster looks at them.
 */
export function slimPod(pod: Pod): Pod {
  const { spec, status, ...rest } = slim(pod);
  return {
    ...rest,
    ...(spec === undefined ? {} : { spec: slimSpec(spec) }),
    ...(status === undefined ? {} : { status: slimStatus(status) }),
  };
}

function slimSpec(spec: PodSpec): PodSpec {
  const { containers, initContainers, volumes, ...others } = spec;
  const {
    dnsConfig: _dnsConfig,
    ephemeralContainers: _ephemeralContainers,
    hostAliases: _hostAliases,
    imagePullSecrets: _imagePullSecrets,
    securityContext: _securityContext,
    ...rest
  } = others;
  return {
    ...rest,
    containers: containers.map((container) => slimContainer(container)),
    ...(initContainers === undefined ? {} : { initContainers: initContainers.map((one) => slimContainer(one)) }),
    ...(volumes === undefined
      ? {}
      : { volumes: volumes.filter((volume) => "persistentVolumeClaim" in volume || "ephemeral" in volume) }),
  };
}

function slimContainer(container: Container): Container {
  const { name, ports, resources, restartPolicy } = container as Container & { readonly restartPolicy?: string };
  return {
    name,
    ...(ports === undefined ? {} : { ports }),
    ...(resources === undefined ? {} : { resources }),
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
  };
}

/** Whether a container has begun matters only for a Pending pod. */
function slimStatus(status: NonNullable<Pod["status"]>): NonNullable<Pod["status"]> {
  if (status.phase === "Pending") return status;
  const {
    containerStatuses: _containerStatuses,
    ephemeralContainerStatuses: _ephemeralContainerStatuses,
    initContainerStatuses: _initContainerStatuses,
    ...rest
  } = status;
  return rest;
}

/** The node without its list of images, which is most of a node (50 images by default). */
export function slimNode(node: Node): Node {
  const { status, ...rest } = slim(node);
  if (status === undefined) return rest;
  const { images: _images, volumesAttached: _volumesAttached, volumesInUse: _volumesInUse, ...kept } = status;
  return { ...rest, status: kept };
}
