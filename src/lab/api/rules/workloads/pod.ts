// Pods: what admission adds on a stock cluster (priority, service account and its token volume,
// tolerations), what an update may change, and the grace period.
import type { Container, Pod, PodSpec, Toleration } from "kubernetes-types/core/v1.js";
import type { PriorityClass } from "kubernetes-types/scheduling/v1.js";
import type { ServiceAccount } from "kubernetes-types/core/v1.js";
import { sameJson, thaw, type Draft } from "../../../store/object.ts";
import { parseQuantity } from "../../../../kube/quantity.ts";
import { secondsTime } from "../../../../kube/timestamps.ts";
import { forbidden } from "../../errors/failure.ts";
import type { KindRules, RuleContext } from "../../kinds/kind-row.ts";
import { randomSuffix } from "../../writes/metadata.ts";
import { defaultPodSpec, validatePodSpec } from "./pod-spec.ts";

type PodDraft = Draft & { spec: PodSpec & { schedulingGates?: { name: string }[] }; status?: Pod["status"] };

const PODS = { group: "", plural: "pods" };
const TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";
/**
 * Tokens in pods are renewed after an hour and a bit (upstream:
 * WarnOnlyBoundTokenExpirationPeriod).
 */
const TOKEN_SECONDS = 3607;
const NOT_READY = "node.kubernetes.io/not-ready";
const UNREACHABLE = "node.kubernetes.io/unreachable";

export const podRules: KindRules = {
  defaults: (draft) => {
    const pod = draft as PodDraft;
    pod.spec = (pod.spec as PodSpec | undefined) ?? { containers: [] };
    defaultPodSpec(pod.spec);
    pod.spec.enableServiceLinks ??= true;
    for (const container of [...(pod.spec.initContainers ?? []), ...(pod.spec.containers ?? [])])
      requestLimits(container);
  },
  create: (draft, context) => {
    const pod = draft as PodDraft;
    pod.status = { phase: "Pending", qosClass: qosClass(pod.spec) };
    if ((pod.spec.schedulingGates ?? []).length > 0) {
      pod.status.conditions = [{ ...GATED, lastTransitionTime: secondsTime(context.now) }];
    }
    admitServiceAccount(pod, context);
    admitPriority(pod, context);
    tolerate(pod, NOT_READY);
    tolerate(pod, UNREACHABLE);
  },
  status: (draft, before) => {
    const pod = draft as PodDraft;
    delete pod.metadata.ownerReferences;
    if (before.metadata.ownerReferences !== undefined)
      pod.metadata.ownerReferences = thaw(before.metadata.ownerReferences);
    const old = before["status"] as Pod["status"];
    if (pod.status !== undefined && old?.qosClass !== undefined) pod.status.qosClass ??= old.qosClass;
  },
  validate: (draft, errors) => {
    validatePodSpec((draft as PodDraft).spec, "spec", errors);
  },
  validateUpdate: (draft, before, errors) => {
    const { spec } = draft as PodDraft;
    const old = (before as unknown as PodDraft).spec;
    for (const field of ["containers", "initContainers"] as const) {
      if ((spec[field] ?? []).length === (old[field] ?? []).length) continue;
      errors.forbidden(`spec.${field}`, "pod updates may not add or remove containers");
      return;
    }
    if (!(old.tolerations ?? []).every((each) => (spec.tolerations ?? []).some((other) => sameJson(each, other)))) {
      errors.forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds");
    }
    const gates = (old.schedulingGates ?? []).map(({ name }) => name);
    (spec.schedulingGates ?? []).forEach(({ name }, index) => {
      if (!gates.includes(name))
        errors.forbidden(
          `spec.schedulingGates[${String(index)}].name`,
          "only deletion is allowed, but found new scheduling gate",
        );
    });
    if (sameJson(fixed(spec, old), fixed(old, old))) return;
    errors.forbidden(
      "spec",
      "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    );
  },
  gracePeriod: (object, asked) => {
    const pod = object as unknown as Pod;
    if ((pod.spec?.nodeName ?? "") === "") return 0;
    if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") return 0;
    const period = asked ?? pod.spec?.terminationGracePeriodSeconds ?? 30;
    return period < 0 ? 1 : period;
  },
};

const GATED = {
  type: "PodScheduled",
  status: "False",
  reason: "SchedulingGated",
  message: "Scheduling is blocked due to non-empty scheduling gates",
};

/** The spec without what an update may change. */
function fixed(spec: PodDraft["spec"], old: PodDraft["spec"]): object {
  const { activeDeadlineSeconds: _seconds, tolerations: _tolerations, schedulingGates: _gates, ...rest } = spec;
  const plain = (containers: Container[] | undefined): object[] =>
    (containers ?? []).map(({ image: _image, ...others }) => others);
  // A pod with gates has not been looked at by the scheduler: its node constraints may still be
  // narrowed.
  const gated = (old.schedulingGates ?? []).length > 0 ? { nodeSelector: null, affinity: null } : {};
  return { ...rest, ...gated, containers: plain(spec.containers), initContainers: plain(spec.initContainers) };
}

/** What is limited but not requested is requested up to its limit. */
function requestLimits(container: Container): void {
  const { limits, requests } = container.resources ?? {};
  if (limits === undefined) return;
  container.resources = { ...container.resources, requests: { ...limits, ...requests } };
}

function qosClass({ containers, initContainers = [] }: PodSpec): string {
  const all = [...(containers ?? []), ...initContainers];
  const amount = (list: Readonly<Record<string, string>> | undefined, name: string): bigint | undefined => {
    const text = list?.[name];
    return text === undefined || parseQuantity(text).nano === 0n ? undefined : parseQuantity(text).nano;
  };
  const names = ["cpu", "memory"];
  const some = all.some(({ resources }) =>
    names.some(
      (name) => amount(resources?.requests, name) !== undefined || amount(resources?.limits, name) !== undefined,
    ),
  );
  if (!some) return "BestEffort";
  const guaranteed = all.every(({ resources }) =>
    names.every((name) => {
      const limit = amount(resources?.limits, name);
      return limit !== undefined && limit === amount(resources?.requests, name);
    }),
  );
  return guaranteed ? "Guaranteed" : "Burstable";
}

/** The ServiceAccount admission plugin. */
function admitServiceAccount(pod: PodDraft, context: RuleContext): void {
  const name = pod.metadata.name ?? "";
  const { spec } = pod;
  spec.serviceAccountName = spec.serviceAccount = spec.serviceAccountName ?? "default";
  const namespace = pod.metadata.namespace ?? "";
  const account = context.read("serviceaccounts", namespace, spec.serviceAccountName) as ServiceAccount | undefined;
  // The default account is made by a controller a moment after its namespace; without controllers
  // pods are possible all the same.
  if (account === undefined && spec.serviceAccountName !== "default") {
    throw forbidden(
      PODS,
      name,
      `error looking up service account ${namespace}/${spec.serviceAccountName}: serviceaccount ${JSON.stringify(spec.serviceAccountName)} not found`,
    );
  }
  if (spec.automountServiceAccountToken ?? account?.automountServiceAccountToken ?? true) mountToken(spec, context);
  if (spec.imagePullSecrets === undefined && account?.imagePullSecrets !== undefined) {
    spec.imagePullSecrets = thaw(account.imagePullSecrets);
  }
}

function mountToken(spec: PodSpec, context: RuleContext): void {
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  const without = containers.filter(
    ({ volumeMounts = [] }) => !volumeMounts.some(({ mountPath }) => mountPath === TOKEN_PATH),
  );
  if (without.length === 0) return;
  const name = `kube-api-access-${randomSuffix(context.random)}`;
  spec.volumes = [
    ...(spec.volumes ?? []),
    {
      name,
      projected: {
        defaultMode: 0o644,
        sources: [
          { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: "token" } },
          { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
          {
            downwardAPI: {
              items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
            },
          },
        ],
      },
    },
  ];
  for (const container of without) {
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: TOKEN_PATH }];
  }
}

/** The Priority admission plugin. */
function admitPriority(pod: PodDraft, context: RuleContext): void {
  const { spec } = pod;
  const name = spec.priorityClassName ?? "";
  let found: PriorityClass | undefined;
  if (name === "") {
    const all = context.list("priorityclasses.scheduling.k8s.io") as unknown as PriorityClass[];
    found = all.find((each) => each.globalDefault === true);
    if (found?.metadata?.name !== undefined) spec.priorityClassName = found.metadata.name;
  } else {
    found = context.read("priorityclasses.scheduling.k8s.io", undefined, name) as PriorityClass | undefined;
    if (found === undefined)
      throw forbidden(PODS, pod.metadata.name ?? "", `no PriorityClass with name ${name} was found`);
  }
  const priority = found?.value ?? 0;
  if (spec.priority !== undefined && spec.priority !== priority) {
    throw forbidden(
      PODS,
      pod.metadata.name ?? "",
      `the integer value of priority (${String(spec.priority)}) must not be provided in pod spec; priority admission controller computed ${String(priority)} from the given PriorityClass name`,
    );
  }
  spec.priority = priority;
  spec.preemptionPolicy ??= found?.preemptionPolicy ?? "PreemptLowerPriority";
}

/**
 * The DefaultTolerationSeconds admission plugin: a pod stays five minutes on a node that is not
 * well.
 */
function tolerate(pod: PodDraft, key: string): void {
  const tolerations = pod.spec.tolerations ?? [];
  const covers = (each: Toleration): boolean =>
    ((each.key ?? "") === key || (each.key ?? "") === "") &&
    ((each.effect ?? "") === "NoExecute" || (each.effect ?? "") === "");
  if (tolerations.some(covers)) return;
  pod.spec.tolerations = [...tolerations, { key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 }];
}
