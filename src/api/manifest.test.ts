import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { AT_PREFIX, AWAY_PREFIX, DRIVER } from "./names.ts";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}
interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly mountPropagation?: string;
}
interface Container {
  readonly image: string;
  readonly command: readonly string[];
  readonly env: readonly { readonly name: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly Mount[];
  readonly securityContext: Readonly<Record<string, unknown>>;
}
interface Workload {
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly template: {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> };
    readonly spec: {
      readonly serviceAccountName: string;
      readonly containers: readonly [Container];
      readonly volumes?: readonly { readonly name: string; readonly hostPath?: { readonly path: string } }[];
      readonly [field: string]: unknown;
    };
  };
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
  readonly spec?: unknown;
  readonly [field: string]: unknown;
}

const read = (file: string): Manifest[] => {
  const text = readFileSync(fileURLToPath(new URL(`../../deploy/${file}`, import.meta.url)), "utf8");
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
};

const base = read("mooring-base.yaml");
const programs = read("mooring.yaml");

const nameOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name}`;

function find(objects: readonly Manifest[], name: string): Manifest {
  const found = objects.filter((object) => nameOf(object) === name);
  if (found[0] === undefined || found.length > 1) throw new Error(`${found.length} objects are ${name}`);
  return found[0];
}

/** One line for each resource: who may do what. */
function rights(role: Manifest): string[] {
  const lines = (role.rules ?? []).flatMap(({ apiGroups, resources, resourceNames, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.map((resource) => {
        const only = resourceNames === undefined ? "" : ` named ${resourceNames.join(",")}`;
        return `${group === "" ? "core" : group}/${resource}${only}: ${verbs.join(" ")}`;
      }),
    ),
  );
  return lines.toSorted();
}

describe("deploy/mooring-base.yaml", () => {
  it("gives the controller these rights in the whole cluster and no others", () => {
    expect(rights(find(base, "ClusterRole mooring-controller"))).toEqual([
      "admissionregistration.k8s.io/validatingwebhookconfigurations named mooring: get list watch patch",
      "core/events: create patch",
      "core/namespaces named mooring: get",
      "core/nodes: get list watch patch",
      "core/persistentvolumeclaims/status: patch",
      "core/persistentvolumeclaims: get list watch patch",
      "core/persistentvolumes/status: patch",
      "core/persistentvolumes: get list watch create patch update delete",
      "core/pods/eviction: create",
      "core/pods: get list watch delete",
      "mooring.dev/localvolumes/finalizers: update",
      "mooring.dev/localvolumes/status: get update patch",
      "mooring.dev/localvolumes: get list watch create update patch delete",
      "mooring.dev/storagenodes/finalizers: update",
      "mooring.dev/storagenodes: get list watch create update patch delete",
      "mooring.dev/storagepools/status: get update patch",
      "mooring.dev/storagepools: get list watch",
      "mooring.dev/volumecopies: get list watch create update patch delete",
      "mooring.dev/volumemoves/finalizers: update",
      "mooring.dev/volumemoves/status: get update patch",
      "mooring.dev/volumemoves: get list watch create update patch delete",
      "policy/poddisruptionbudgets: list",
      "storage.k8s.io/csidrivers named mooring.dev: get patch",
      "storage.k8s.io/storageclasses: get list watch",
    ]);
  });

  it("gives the controller these rights in its namespace and no others", () => {
    expect(rights(find(base, "Role mooring-controller"))).toEqual([
      "apps/deployments named mooring-controller: get",
      "coordination.k8s.io/leases: get create update",
      "core/persistentvolumeclaims: create delete",
      "core/pods: create patch delete",
      "core/secrets named mooring-webhook: get list watch patch",
      "core/secrets: create",
    ]);
  });

  it("gives an agent these rights and no others", () => {
    expect(rights(find(base, "ClusterRole mooring-agent"))).toEqual([
      "core/events: create patch",
      "core/nodes: get list watch",
      "core/pods: get list",
      "mooring.dev/localvolumes: get list watch",
      "mooring.dev/storagenodes/status: update patch",
      "mooring.dev/storagenodes: create",
      "mooring.dev/storagenodes: get list watch",
      "mooring.dev/storagepools: get list watch",
      "mooring.dev/volumecopies/status: update patch",
      "mooring.dev/volumecopies: get list watch create update patch delete",
      "mooring.dev/volumemoves: get list watch",
    ]);
  });

  it("explains each right in a comment", () => {
    const text = readFileSync(fileURLToPath(new URL("../../deploy/mooring-base.yaml", import.meta.url)), "utf8");
    const lines = text.split("\n");
    const rules = lines.flatMap((line, index) => (line.startsWith("  - apiGroups:") ? [lines[index - 1]] : []));
    expect(rules).toHaveLength(base.flatMap((object) => object.rules ?? []).length);
    for (const line of rules) expect(line).toMatch(/^ {2}# [A-Z].*\.$/);
  });

  it("binds each role to the account of its name", () => {
    const bindings = base.filter(({ kind }) => kind.endsWith("Binding") && !kind.startsWith("Validating"));
    expect(bindings.map(nameOf)).toEqual([
      "ClusterRoleBinding mooring-controller",
      "RoleBinding mooring-controller",
      "ClusterRoleBinding mooring-agent",
    ]);
    for (const { metadata, roleRef, subjects } of bindings) {
      expect(roleRef).toMatchObject({ name: metadata.name });
      expect(subjects).toEqual([{ kind: "ServiceAccount", name: metadata.name, namespace: "mooring" }]);
      find(base, `ServiceAccount ${metadata.name}`);
    }
  });

  it("lets the controller change the labels that the product writes", () => {
    const { variables } = find(base, "ValidatingAdmissionPolicy mooring-controller-nodes").spec as {
      variables: readonly { name: string; expression: string }[];
    };
    const prefixes = variables.find(({ name }) => name === "prefixes")?.expression ?? "[]";
    expect(JSON.parse(prefixes)).toEqual([AT_PREFIX, AWAY_PREFIX]);
  });

  it("has each policy in force, for one account, and closed when it fails", () => {
    for (const [policy, account] of [
      ["mooring-agent-objects", "mooring-agent"],
      ["mooring-controller-nodes", "mooring-controller"],
    ] as const) {
      expect(find(base, `ValidatingAdmissionPolicy ${policy}`).spec).toMatchObject({
        failurePolicy: "Fail",
        matchConditions: [{ expression: `request.userInfo.username == "system:serviceaccount:mooring:${account}"` }],
      });
      expect(find(base, `ValidatingAdmissionPolicyBinding ${policy}`).spec).toEqual({
        policyName: policy,
        validationActions: ["Deny"],
      });
    }
  });

  it("has nothing of the programs, which are deleted before it", () => {
    const kinds = new Set(base.map(({ kind }) => kind));
    for (const { kind } of programs) expect(kinds).not.toContain(kind);
  });
});

const workload = (name: string): Workload["template"]["spec"] => (find(programs, name).spec as Workload).template.spec;

describe("deploy/mooring.yaml", () => {
  it("runs the image of the classic driver", () => {
    const classic = find(read("local-path-storage.yaml"), "Deployment local-path-provisioner").spec as Workload;
    const { image } = classic.template.spec.containers[0];
    for (const name of ["Deployment mooring-controller", "DaemonSet mooring-agent"]) {
      expect(workload(name).containers[0].image).toBe(image);
    }
  });

  it("runs each program with its account and finds its pods by their labels", () => {
    for (const [name, component] of [
      ["Deployment mooring-controller", "controller"],
      ["DaemonSet mooring-agent", "agent"],
    ] as const) {
      const { selector, template } = find(programs, name).spec as Workload;
      expect(selector.matchLabels).toEqual({
        "app.kubernetes.io/name": "mooring",
        "app.kubernetes.io/component": component,
      });
      expect(template.metadata.labels).toEqual(selector.matchLabels);
      expect(template.spec.serviceAccountName).toBe(`mooring-${component}`);
      expect(template.spec.containers[0].command).toEqual(["mooring", component]);
    }
  });

  it("gives the controller nothing of the host", () => {
    const spec = workload("Deployment mooring-controller");
    expect(spec).not.toHaveProperty("hostNetwork");
    expect(spec).not.toHaveProperty("hostPID");
    expect(spec.volumes).toBeUndefined();
    expect(spec.containers[0].securityContext).toMatchObject({ runAsNonRoot: true, readOnlyRootFilesystem: true });
  });

  it("gives the agent what it needs of the host", () => {
    const spec = workload("DaemonSet mooring-agent");
    const [container] = spec.containers;
    expect(spec).toMatchObject({ hostPID: true, priorityClassName: "system-node-critical" });
    expect(spec["tolerations"]).toEqual([{ operator: "Exists" }]);
    expect(container.securityContext).toEqual({ privileged: true, runAsUser: 0, runAsGroup: 0 });
    expect(container.env.map(({ name }) => name)).toEqual(expect.arrayContaining(["NODE_NAME", "POD_IP"]));
    const shared = container.volumeMounts?.filter(({ mountPropagation }) => mountPropagation === "Bidirectional");
    expect(shared?.map(({ mountPath }) => mountPath)).toEqual(["/var/lib/kubelet", "/var/lib/mooring"]);
  });

  it("mounts nothing into a directory that it shares with the host", () => {
    const mounts = workload("DaemonSet mooring-agent").containers[0].volumeMounts ?? [];
    for (const shared of mounts.filter(({ mountPropagation }) => mountPropagation === "Bidirectional")) {
      const inside = mounts.filter(({ mountPath }) => mountPath.startsWith(`${shared.mountPath}/`));
      expect(inside).toEqual([]);
    }
  });

  it("shares directories under the same path on both sides", () => {
    const { containers, volumes } = workload("DaemonSet mooring-agent");
    for (const { name, mountPath, mountPropagation } of containers[0].volumeMounts ?? []) {
      if (mountPropagation === undefined) continue;
      expect(volumes?.find((volume) => volume.name === name)?.hostPath?.path).toBe(mountPath);
    }
  });

  it("says what the driver is", () => {
    expect(find(programs, `CSIDriver ${DRIVER}`).spec).toEqual({
      attachRequired: false,
      podInfoOnMount: true,
      fsGroupPolicy: "File",
      requiresRepublish: false,
      seLinuxMount: false,
      storageCapacity: false,
      volumeLifecycleModes: ["Persistent"],
    });
  });

  it("has a class that waits for its pod and names the pool of the manifest", () => {
    const pool = programs.find(({ kind }) => kind === "StoragePool");
    const { metadata, ...rest } = find(programs, "StorageClass mooring");
    expect(rest).toEqual({
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      provisioner: DRIVER,
      volumeBindingMode: "WaitForFirstConsumer",
      reclaimPolicy: "Delete",
      parameters: { pool: pool?.metadata.name },
    });
    expect(metadata).not.toHaveProperty("annotations");
    expect(pool?.spec).toEqual({ path: "/var/lib/mooring/default" });
  });

  it("never stops a drain because the webhook is dead", () => {
    const { webhooks } = find(programs, "ValidatingWebhookConfiguration mooring");
    expect(webhooks).toMatchObject([{ failurePolicy: "Ignore", timeoutSeconds: 2, sideEffects: "NoneOnDryRun" }]);
  });

  it("sends evictions to a port of the controller", () => {
    const { spec } = find(programs, "Service mooring-webhook") as {
      spec: { ports: readonly { targetPort: string }[] };
    };
    const [container] = workload("Deployment mooring-controller").containers;
    const port = container.ports.find(({ name }) => name === spec.ports[0]?.targetPort);
    expect(port?.containerPort).toBe(9443);
  });
});
