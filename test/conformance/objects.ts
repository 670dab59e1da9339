// Objects that cases begin with.

/** A ConfigMap. */
export function configMap(name: string, data: Readonly<Record<string, string>> = {}, metadata: object = {}): object {
  return { metadata: { name, ...metadata }, data };
}

export const CONTAINER = { name: "main", image: "busybox:1" };

/** A pod that no scheduler looks at, without a token volume. */
export function pod(name: string, spec: object = {}, metadata: object = {}): object {
  return {
    metadata: { name, ...metadata },
    spec: {
      schedulerName: "nobody.example.com",
      automountServiceAccountToken: false,
      containers: [CONTAINER],
      ...spec,
    },
  };
}

/** A claim of a class that nobody provisions. */
export function volumeClaim(name: string, spec: object = {}, metadata: object = {}): object {
  return {
    metadata: { name, ...metadata },
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: "nobody.example.com",
      resources: { requests: { storage: "1Gi" } },
      ...spec,
    },
  };
}

/**
 * A volume on the node bare-1, of a class of its own, so that no claim of another case takes it.
 */
export function volume(name: string, spec: object = {}, metadata: object = {}): object {
  return {
    metadata: { name, ...metadata },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      storageClassName: `class-of-${name}`,
      hostPath: { path: "/data/one" },
      nodeAffinity: onNode("bare-1"),
      ...spec,
    },
  };
}

/** A node affinity of a volume that lies on one node. */
export function onNode(name: string): object {
  return {
    required: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [name] }] }],
    },
  };
}

/** The part of a workload's spec that all have: no pods, so that nothing is made of it. */
export function workload(app: string, spec: object = {}): object {
  return {
    replicas: 0,
    selector: { matchLabels: { app } },
    template: { metadata: { labels: { app } }, spec: { containers: [CONTAINER] } },
    ...spec,
  };
}

export function deployment(name: string, spec: object = {}): object {
  return { metadata: { name }, spec: workload(name, spec) };
}

export function statefulSet(name: string, spec: object = {}): object {
  return { metadata: { name }, spec: { serviceName: name, ...workload(name, spec) } };
}
