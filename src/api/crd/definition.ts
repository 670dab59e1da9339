import type { CustomKind, Rule } from "./custom-kind.ts";
import { structural, type Structural } from "./structural.ts";

/** The CustomResourceDefinition of one of our kinds. */
export function customResourceDefinition(kind: CustomKind): object {
  const { resource, shortNames, selectableFields } = kind;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${resource.plural}.${resource.group}`, labels: { "app.kubernetes.io/name": "mooring" } },
    spec: {
      group: resource.group,
      scope: resource.namespaced ? "Namespaced" : "Cluster",
      names: {
        kind: resource.kind,
        listKind: `${resource.kind}List`,
        plural: resource.plural,
        singular: resource.kind.toLowerCase(),
        shortNames,
        categories: ["mooring"],
      },
      versions: [
        {
          name: resource.version,
          served: true,
          storage: true,
          subresources: { status: {} },
          ...(selectableFields.length === 0
            ? {}
            : { selectableFields: selectableFields.map((jsonPath) => ({ jsonPath })) }),
          additionalPrinterColumns: [
            ...kind.columns.map(({ wide, ...column }) => ({ ...column, ...(wide === true ? { priority: 1 } : {}) })),
            { name: "Age", jsonPath: ".metadata.creationTimestamp", type: "date" },
          ],
          schema: { openAPIV3Schema: objectSchema(kind) },
        },
      ],
    },
  };
}

function objectSchema(kind: CustomKind): object {
  return {
    description: kind.description,
    type: "object",
    ...(kind.specRequired ? { required: ["spec"] } : {}),
    properties: {
      spec: { ...structuralPart(kind, "spec"), ...validations(kind, "spec") },
      status: structuralPart(kind, "status"),
    },
    ...validations(kind, "object"),
  };
}

function structuralPart(kind: CustomKind, part: "spec" | "status"): Structural {
  return structural(`${kind.resource.kind}.${part}`, kind[part]);
}

function validations(kind: CustomKind, of: Rule["of"]): object {
  const rules = kind.rules.filter((rule) => rule.of === of);
  if (rules.length === 0) return {};
  return {
    "x-kubernetes-validations": rules.map(({ rule, message, messageExpression, field }) => ({
      rule,
      message,
      ...(messageExpression === undefined ? {} : { messageExpression }),
      ...(field === "" ? {} : { fieldPath: field }),
    })),
  };
}
