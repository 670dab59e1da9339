/** A StorageClass of the classic driver. */
export function storageClass(name: string, change: Record<string, unknown> = {}): object {
  const { annotations, ...rest } = change;
  return {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name, ...(annotations === undefined ? {} : { annotations }) },
    provisioner: "rancher.io/local-path",
    volumeBindingMode: "WaitForFirstConsumer",
    reclaimPolicy: "Delete",
    ...rest,
  };
}

/** A claim of 64 MiB, ReadWriteOnce unless changed. */
export function claim(
  namespace: string,
  name: string,
  storageClassName: string,
  change: { metadata?: Record<string, unknown>; spec?: Record<string, unknown> } = {},
): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace, ...change.metadata },
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName,
      resources: { requests: { storage: "64Mi" } },
      ...change.spec,
    },
  };
}

/**
 * A busybox pod that mounts one claim at /data and runs a command (by default: sleeps until it is
 * told to end).
 */
export function pod(
  namespace: string,
  name: string,
  claimName: string,
  change: { spec?: Record<string, unknown>; container?: Record<string, unknown>; command?: readonly string[] } = {},
): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: "main",
          image: "docker.io/library/busybox:latest",
          imagePullPolicy: "IfNotPresent",
          command: change.command ?? ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"],
          volumeMounts: [{ name: "data", mountPath: "/data" }],
          ...change.container,
        },
      ],
      volumes: [{ name: "data", persistentVolumeClaim: { claimName } }],
      ...change.spec,
    },
  };
}

/** A StatefulSet of one busybox pod `<name>-0` with a claim `data-<name>-0` at /data. */
export function statefulSet(
  namespace: string,
  name: string,
  storageClassName: string,
  command: readonly string[],
): object {
  const { spec } = claim(namespace, "data", storageClassName) as { spec: object };
  const labels = { app: name };
  const { spec: podSpec } = pod(namespace, name, "", { command }) as { spec: { volumes: unknown } };
  const { volumes: _, ...template } = podSpec;
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      serviceName: name,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: template },
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec }],
    },
  };
}

/** A budget for the pods with this label `app`; `spec` says what it allows. */
export function budget(namespace: string, name: string, app: string, spec: object): object {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name, namespace },
    spec: { selector: { matchLabels: { app } }, ...spec },
  };
}

export function namespace(name: string): object {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

/**
 * A claim whose node is chosen by hand, as `kubectl annotate` would: no pod is needed to get its
 * volume made.
 */
export function claimOn(
  node: string,
  namespace: string,
  name: string,
  storageClassName: string,
  change: { annotations?: Record<string, string>; spec?: Record<string, unknown> } = {},
): object {
  const annotations = { "volume.kubernetes.io/selected-node": node, ...change.annotations };
  return claim(namespace, name, storageClassName, {
    metadata: { annotations },
    ...(change.spec === undefined ? {} : { spec: change.spec }),
  });
}

/** Pod spec fields that bring a pod to the node with this host name label. */
export function onHost(hostname: string): { nodeSelector: Record<string, string> } {
  return { nodeSelector: { "kubernetes.io/hostname": hostname } };
}
