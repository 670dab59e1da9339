/** The fields of Kubernetes objects that stories use. Other fields exist, but are not typed. */
export interface Meta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
}

export interface Claim {
  readonly metadata: Meta;
  readonly spec: { readonly volumeName?: string; readonly storageClassName?: string };
  readonly status: { readonly phase: string };
}

export interface Volume {
  readonly metadata: Meta;
  readonly spec: {
    readonly hostPath?: { readonly path: string; readonly type?: string };
    readonly local?: { readonly path: string };
    readonly accessModes: readonly string[];
    readonly claimRef?: { readonly namespace: string; readonly name: string; readonly uid: string };
    readonly nodeAffinity?: {
      readonly required: {
        readonly nodeSelectorTerms: readonly {
          readonly matchExpressions?: readonly { key: string; operator: string; values: readonly string[] }[];
        }[];
      };
    };
    readonly persistentVolumeReclaimPolicy: string;
    readonly storageClassName: string;
  };
  readonly status: { readonly phase: string };
}

export interface Pod {
  readonly metadata: Meta;
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
  };
}

export interface KubeEvent {
  readonly metadata: Meta;
  readonly involvedObject: { readonly kind: string; readonly name: string; readonly namespace?: string };
  readonly type: string;
  readonly reason: string;
  readonly message?: string;
  /** How often it has happened. */
  readonly count?: number;
  readonly source?: { readonly component?: string };
}

export interface NodeObject {
  readonly metadata: Meta;
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** The directory of a volume on its node. */
export function pathOf(volume: Volume): string {
  const path = volume.spec.hostPath?.path ?? volume.spec.local?.path;
  if (path === undefined) throw new Error(`volume ${volume.metadata.name} has no directory`);
  return path;
}

/** The node a volume says it was made on; "" when it was made without one. */
export function nodeOf(volume: Volume): string {
  return volume.metadata.annotations?.["local.path.provisioner/selected-node"] ?? "";
}

/**
 * Key and value of a volume's node affinity, in the one form that local-path-provisioner writes.
 */
export function affinityOf(volume: Volume): { readonly key: string; readonly value: string } | undefined {
  const [term] = volume.spec.nodeAffinity?.required.nodeSelectorTerms ?? [];
  const [expression] = term?.matchExpressions ?? [];
  return expression === undefined ? undefined : { key: expression.key, value: expression.values.join() };
}
