import type { CustomKind } from "../src/api/crd/custom-kind.ts";
import { customKinds } from "../src/api/crd/kinds.ts";
import { structural, type Structural } from "../src/api/crd/structural.ts";

const INTRO = `# The API

Mooring keeps its state in five kinds of the group \`mooring.dev/v1alpha1\`, all cluster-scoped. \`kubectl get mooring\` lists them all, \`kubectl explain <kind>.spec\` prints what is below.

## Who writes what

- **StoragePool**: you. The controller writes how many nodes have the pool.
- **StorageNode**: the agent of that node. It makes the object and writes its status; the controller sets a finalizer while a volume or a copy names the node.
- **LocalVolume**: the controller, nobody else.
- **VolumeCopy**: the agent of the node in its spec. When that node is gone, the controller deletes the object.
- **VolumeMove**: the controller when a node is drained, and you whenever you want a volume on another node. Only the controller writes the status.

Deleting an object never removes data. Bytes go when \`LocalVolume.spec.reclaim\` is true, and the controller sets it when the claim is gone and the reclaim policy is \`Delete\`.

To move a volume by hand:

\`\`\`yaml
apiVersion: mooring.dev/v1alpha1
kind: VolumeMove
metadata:
  name: data-0-to-b
spec:
  volumes:
    - name: pvc-7d3c2a50-2f6f-4f0e-9a53-0c1f6a1f9d11
  from: node-a
  to: node-b # without it Mooring chooses
\`\`\`

All volumes of a pod move together, so name all of them. To cancel a move that is not committed, delete it.

## What the API server guards

The rules under each kind are in the CustomResourceDefinitions. The API server refuses an object that breaks one of them, whoever sends it. Two admission policies limit Mooring's own programs, in case one of them is taken over:

- An agent writes only objects of its own node. The API server knows the node from the agent's token.
- The controller changes only the labels \`at.mooring.node-restriction.kubernetes.io/…\` and \`away.mooring.node-restriction.kubernetes.io/…\` of nodes, and nothing else of them.

Some values are in the schemas but do not work yet: \`onDrain: Rebuild\`, \`onNodeLoss: Rebuild\`, \`mode: Rebuild\`, \`rebuildGate\`, \`holdTimeout\`. The controller refuses them with an error that names them.

## Installing and removing

There are two manifests:

- \`deploy/mooring-base.yaml\` has the permanent objects: namespace, accounts, kinds, roles, policies.
- \`deploy/mooring.yaml\` has the programs, the driver, a class and a pool.

Apply them in this order, and delete them in the reverse order, with two commands. The controller needs its rights to remove its finalizers, and \`kubectl delete -f deploy/mooring.yaml\` ends when it has removed them: until then a finalizer holds the CSIDriver \`mooring.dev\`. If the CSIDriver stays although no controller runs any more, remove its finalizer \`mooring.dev/installed\` by hand.

Running pods keep their volumes without the programs. When \`deploy/mooring.yaml\` is applied again, everything continues.

Deleting \`deploy/mooring-base.yaml\` deletes the LocalVolumes too; the data on the nodes stays. To use that data again, save the output of \`kubectl get localvolumes -o yaml\` first: Mooring never guesses what a directory was.
`;

/**
 * The text of docs/api.md: the introduction above, then every kind with its fields and rules from
 * the schemas.
 */
export function apiPage(): string {
  return `${INTRO}\n${customKinds.map(kindSection).join("\n")}`;
}

function kindSection(kind: CustomKind): string {
  const { resource, shortNames, selectableFields, rules } = kind;
  const selectable = selectableFields.map((path) => `\`${path.slice(1)}\``).join(", ");
  return [
    `## ${resource.kind}`,
    kind.description,
    [
      `Short name: \`${shortNames.join("`, `")}\`.`,
      ...(selectable === "" ? [] : [`Field selectors: ${selectable}.`]),
    ].join(" "),
    ...part(kind, "spec"),
    ...part(kind, "status"),
    ...(rules.length === 0
      ? []
      : ["The API server checks these rules:", [...new Set(rules.map(({ message }) => `- ${message}`))].join("\n")]),
    "",
  ].join("\n\n");
}

function part(kind: CustomKind, name: "spec" | "status"): string[] {
  const schema = structural(`${kind.resource.kind}.${name}`, kind[name]);
  const lines = fields(name, schema);
  return lines.length === 0 ? [] : [`### ${kind.resource.kind}.${name}`, lines.join("\n")];
}

/** One line for each field, those of objects and lists under the name of their parent. */
function fields(path: string, schema: Structural): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const here = `${path}.${name}`;
    const inner = field.type === "array" ? field.items : field;
    const required = schema.required?.includes(name) === true ? ", required" : "";
    const line = `- \`${here}\` (${typeOf(field)}${required}): ${field.description ?? ""}${valuesOf(field)}`;
    // Conditions are the same in every object of Kubernetes.
    return name === "conditions"
      ? [line]
      : [line, ...fields(field.type === "array" ? `${here}[]` : here, inner ?? field)];
  });
}

function typeOf(field: Structural): string {
  if (field.type === "array") return `list of ${field.items?.type ?? "nothing"}s`;
  if (field["format"] === "date-time") return "time";
  return field.additionalProperties === undefined ? field.type : `map of ${field.additionalProperties.type}s`;
}

function valuesOf(field: Structural): string {
  const values = field["enum"];
  const list = Array.isArray(values) ? ` One of ${values.map((value) => `\`${String(value)}\``).join(", ")}.` : "";
  return field["default"] === undefined ? list : `${list} Default: \`${JSON.stringify(field["default"])}\`.`;
}
