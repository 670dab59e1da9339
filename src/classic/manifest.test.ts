import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";

const text = readFileSync(fileURLToPath(new URL("../../deploy/local-path-storage.yaml", import.meta.url)), "utf8");

interface Role {
  readonly kind?: string;
  readonly metadata?: { readonly name?: string };
  readonly rules?: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
}

describe("deploy/local-path-storage.yaml", () => {
  const objects = parseAllDocuments(text).map((document) => document.toJS() as Role | null);

  it("9.3 the manifest's missing RBAC verb: a claim may be sent back to the scheduler", () => {
    const role = objects.find((object) => object?.kind === "ClusterRole");
    const claims = role?.rules?.filter(({ resources }) => resources.includes("persistentvolumeclaims")) ?? [];
    expect(claims.flatMap(({ verbs }) => verbs)).toContain("patch");
  });

  it("keeps the original's names, which other tools and patches refer to", () => {
    expect(objects.map((object) => `${object?.kind ?? ""} ${object?.metadata?.name ?? ""}`)).toEqual(
      expect.arrayContaining([
        "Namespace local-path-storage",
        "ServiceAccount local-path-provisioner-service-account",
        "Role local-path-provisioner-role",
        "ClusterRole local-path-provisioner-role",
        "RoleBinding local-path-provisioner-bind",
        "ClusterRoleBinding local-path-provisioner-bind",
        "Deployment local-path-provisioner",
        "StorageClass local-path",
        "ConfigMap local-path-config",
      ]),
    );
  });
});
