import type { Service } from "kubernetes-types/core/v1.js";
import type { Draft } from "../../store/object.ts";
import type { KindRules } from "../kinds/kind-row.ts";
import { oneOf } from "./workloads/pod-spec.ts";

type ServiceDraft = Draft & { spec: NonNullable<Service["spec"]>; status?: Service["status"] };

const PORT_HELP = "must be between 1 and 65535, inclusive";
const isPort = (port: number): boolean => port >= 1 && port <= 65_535;

export const serviceRules: KindRules = {
  defaults: (draft) => {
    const service = draft as ServiceDraft;
    service.spec = (service.spec as ServiceDraft["spec"] | undefined) ?? {};
    const { spec } = service;
    spec.type ??= "ClusterIP";
    spec.sessionAffinity ??= "None";
    spec.internalTrafficPolicy ??= "Cluster";
    for (const port of spec.ports ?? []) {
      port.protocol ??= "TCP";
      // Zero means "not set" here.
      if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === "") port.targetPort = port.port;
    }
  },
  create: (draft, context) => {
    const service = draft as ServiceDraft;
    const { spec } = service;
    service.status = { loadBalancer: {} };
    if (spec.type === "ExternalName") return;
    spec.ipFamilies ??= ["IPv4"];
    spec.ipFamilyPolicy ??= "SingleStack";
    // No proxy stands behind it: an address that nobody else has is all that is needed.
    spec.clusterIP ??= `10.96.${String(Math.floor(context.random.float() * 256))}.${String(1 + Math.floor(context.random.float() * 254))}`;
    spec.clusterIPs ??= [spec.clusterIP];
  },
  update: (draft, before) => {
    const { spec } = draft as ServiceDraft;
    const old = (before as unknown as ServiceDraft).spec;
    if (old.clusterIP !== undefined) spec.clusterIP ??= old.clusterIP;
    if (old.clusterIPs !== undefined) spec.clusterIPs ??= [...old.clusterIPs];
    if (old.ipFamilies !== undefined) spec.ipFamilies ??= [...old.ipFamilies];
    if (old.ipFamilyPolicy !== undefined) spec.ipFamilyPolicy ??= old.ipFamilyPolicy;
  },
  validate: (draft, errors) => {
    const { spec } = draft as ServiceDraft;
    if ((spec.ports ?? []).length === 0 && spec.clusterIP !== "None" && spec.type !== "ExternalName") {
      errors.required("spec.ports");
    }
    (spec.ports ?? []).forEach(({ port, targetPort }, index) => {
      const path = `spec.ports[${String(index)}]`;
      if (!isPort(port)) errors.invalid(`${path}.port`, port, PORT_HELP);
      if (typeof targetPort === "number" && !isPort(targetPort))
        errors.invalid(`${path}.targetPort`, targetPort, PORT_HELP);
    });
    oneOf(spec.type, "spec.type", ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"], errors);
  },
  validateUpdate: (draft, before, errors) => {
    const { spec } = draft as ServiceDraft;
    const old = (before as unknown as ServiceDraft).spec;
    if (spec.clusterIP !== old.clusterIP) {
      errors.invalid("spec.clusterIPs[0]", spec.clusterIPs ?? [], "may not change once set");
    }
  },
};
