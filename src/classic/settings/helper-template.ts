import { parseAllDocuments } from "yaml";
import { z } from "zod";
import type { Pod } from "../../kube/kinds.ts";
import { classicErrors } from "../errors.ts";

type PodSpec = NonNullable<Pod["spec"]>;
type Container = PodSpec["containers"][number];

/** A pod whose first container is known to be there. */
export interface HelperTemplate {
  readonly metadata: NonNullable<Pod["metadata"]>;
  readonly spec: PodSpec;
  readonly container: Container;
}

/**
 * Reads helperPod.yaml. Throws the errors of the original: text that is no YAML, YAML that is no
 * Pod, no container, and (unless `allowUnsafe`) a field that would let whoever may edit the
 * ConfigMap do more than make a directory.
 */
export function parseHelperTemplate(text: string, allowUnsafe: boolean): HelperTemplate {
  const object = fromYaml(text);
  const parsed = podShape.safeParse(object ?? {});
  if (!parsed.success) throw classicErrors.TEMPLATE_POD({ json: sortedJson(object) }, { cause: parsed.error });
  // Null means "not given" everywhere, as it does for Go.
  const pod = withoutNulls(parsed.data) as { metadata?: HelperTemplate["metadata"]; spec?: PodSpec };
  const [container] = pod.spec?.containers ?? [];
  if (pod.spec === undefined || container === undefined) throw classicErrors.TEMPLATE_NO_CONTAINER({});
  const template = { metadata: pod.metadata ?? {}, spec: pod.spec, container };
  if (!allowUnsafe) refuseUnsafe(template);
  return template;
}

/**
 * Only the first document counts, keys may repeat, and time stamps are text: as in the YAML library
 * of the original.
 */
function fromYaml(text: string): unknown {
  const [document] = parseAllDocuments(text, {
    version: "1.1",
    uniqueKeys: false,
    logLevel: "silent",
    customTags: (tags) => tags.filter((tag) => typeof tag === "string" || tag.tag !== "tag:yaml.org,2002:timestamp"),
  });
  if (document === undefined || !("errors" in document)) return null;
  if (document.errors.length > 0) throw classicErrors.TEMPLATE_YAML({ text }, { cause: document.errors[0] });
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch (error) {
    throw classicErrors.TEMPLATE_YAML({ text }, { cause: error });
  }
}

/** The refusals in the order of the original: the first that holds is named. */
function refuseUnsafe({ spec, container }: HelperTemplate): void {
  if (spec.containers.length !== 1) throw classicErrors.TEMPLATE_CONTAINERS({});
  const pod = spec.securityContext ?? {};
  const own = container.securityContext ?? {};
  const secretEnv = container.env?.find((variable) => variable.valueFrom !== undefined);
  const rules: readonly (readonly [boolean, string])[] = [
    [some(spec.initContainers), "define initContainers"],
    [some(spec.ephemeralContainers), "define ephemeralContainers"],
    [some(spec.volumes), "define custom volumes"],
    [spec.hostNetwork === true || spec.hostPID === true || spec.hostIPC === true, "enable host namespaces"],
    [given(spec.nodeName), "set spec.nodeName"],
    [given(spec.serviceAccountName), "set spec.serviceAccountName"],
    [some(container.volumeMounts), "define custom volumeMounts"],
    [some(container.envFrom), "define envFrom"],
    [container.lifecycle !== undefined, "define container lifecycle hooks"],
    [container.livenessProbe !== undefined, "define container livenessProbe"],
    [container.readinessProbe !== undefined, "define container readinessProbe"],
    [container.startupProbe !== undefined, "define container startupProbe"],
    [secretEnv !== undefined, `define env.valueFrom (env ${JSON.stringify(secretEnv?.name ?? "")})`],
    [pod.runAsUser === 0, "set pod runAsUser to 0 (root)"],
    [pod.runAsGroup === 0, "set pod runAsGroup to 0 (root)"],
    [some(pod.sysctls), "define sysctls"],
    [own.privileged === true, "set privileged: true"],
    [some(own.capabilities?.add), "add capabilities"],
    [own.allowPrivilegeEscalation === true, "set allowPrivilegeEscalation: true"],
  ];
  for (const [broken, what] of rules) if (broken) throw classicErrors.TEMPLATE_UNSAFE({ what });
}

const some = (list: readonly unknown[] | undefined): boolean => list !== undefined && list.length > 0;
const given = (text: string | undefined): boolean => text !== undefined && text !== "";

// Types of the fields that are checked or set here; the API server checks the rest when the pod is
// made.
const text = z.string().nullish();
const flag = z.boolean().nullish();
const whole = z.int().nullish();
const object = z.looseObject({}).nullish();
const texts = z.record(z.string(), z.string().nullable()).nullish();
const list = <T extends z.ZodType>(item: T): z.ZodType => z.array(item).nullish();

const containerSecurity = z.looseObject({
  privileged: flag,
  allowPrivilegeEscalation: flag,
  runAsUser: whole,
  runAsGroup: whole,
  runAsNonRoot: flag,
  capabilities: z.looseObject({ add: list(z.string()), drop: list(z.string()) }).nullish(),
});

const podSecurity = z.looseObject({
  runAsUser: whole,
  runAsGroup: whole,
  fsGroup: whole,
  sysctls: list(z.looseObject({})),
});

const containerShape = z.looseObject({
  name: text,
  image: text,
  imagePullPolicy: text,
  command: list(z.string()),
  args: list(z.string()),
  env: list(z.looseObject({ name: text, value: text, valueFrom: object })),
  envFrom: list(z.looseObject({})),
  volumeMounts: list(z.looseObject({ name: text, mountPath: text })),
  lifecycle: object,
  livenessProbe: object,
  readinessProbe: object,
  startupProbe: object,
  resources: object,
  securityContext: containerSecurity.nullish(),
});

const specShape = z.looseObject({
  containers: list(containerShape),
  initContainers: list(z.looseObject({})),
  ephemeralContainers: list(z.looseObject({})),
  volumes: list(z.looseObject({ name: text })),
  tolerations: list(z.looseObject({ key: text, operator: text, value: text, effect: text })),
  imagePullSecrets: list(z.looseObject({ name: text })),
  hostNetwork: flag,
  hostPID: flag,
  hostIPC: flag,
  nodeName: text,
  serviceAccountName: text,
  priorityClassName: text,
  nodeSelector: texts,
  affinity: object,
  securityContext: podSecurity.nullish(),
});

const podShape = z.looseObject({
  metadata: z.looseObject({ name: text, namespace: text, labels: texts, annotations: texts }).nullish(),
  spec: specShape.nullish(),
});

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null && inner !== undefined)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  );
}

/** JSON with sorted keys, as Go writes maps: part of an error message. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
