import type { Namespace } from "kubernetes-types/core/v1.js";
import type { Draft } from "../../store/object.ts";
import { forbidden } from "../errors/failure.ts";
import type { KindRules } from "../kinds/kind-row.ts";

type NamespaceDraft = Draft & { spec?: Namespace["spec"]; status?: Namespace["status"] };

/** Held by the namespace controller until the namespace is empty. */
const FINALIZER = "kubernetes";
/** Those cannot be deleted (NamespaceLifecycle admission). */
const UNDYING = ["default", "kube-system", "kube-public"];

export const namespaceRules: KindRules = {
  defaults: (draft) => {
    const namespace = draft as NamespaceDraft;
    const { name = "" } = namespace.metadata;
    namespace.metadata.labels = { ...namespace.metadata.labels, "kubernetes.io/metadata.name": name };
  },
  create: (draft) => {
    const namespace = draft as NamespaceDraft;
    namespace.spec = { finalizers: [...new Set([...(namespace.spec?.finalizers ?? []), FINALIZER])] };
    namespace.status = { phase: "Active" };
  },
  refuseDeletion: (object) => {
    const { name = "" } = object.metadata;
    if (UNDYING.includes(name))
      throw forbidden({ group: "", plural: "namespaces" }, name, "this namespace may not be deleted");
  },
};
