import { describe, expect, it } from "vitest";
import { parseHelperTemplate } from "./helper-template.ts";
import { saying } from "../testing/saying.fixture.ts";

const UNLESS = "unless allow-unsafe-helper-pod-template is enabled";

/** A template with these additions to its spec and to its container, as YAML flow mappings. */
function template(spec: object = {}, container: object = {}): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "helper-pod" },
    spec: { containers: [{ name: "helper-pod", image: "busybox", ...container }], ...spec },
  });
}

const DEFAULT = `
apiVersion: v1
kind: Pod
metadata:
  name: helper-pod
spec:
  priorityClassName: system-node-critical
  tolerations:
    - key: node.kubernetes.io/disk-pressure
      operator: Exists
      effect: NoSchedule
  containers:
    - name: helper-pod
      image: busybox
      imagePullPolicy: IfNotPresent
`;
const probe = { exec: { command: ["true"] } };

describe("the helper pod's template: the cases of the original", () => {
  it.each([
    ["the default", DEFAULT],
    ["a hardened pod", template({ securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 } })],
    [
      "a hardened container",
      template(
        {},
        {
          securityContext: {
            runAsNonRoot: true,
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"] },
          },
        },
      ),
    ],
  ])("accepts %s", (_what, text) => {
    expect(parseHelperTemplate(text, false).container.name).toBe("helper-pod");
  });

  const privileged = template(
    { volumes: [{ name: "host", hostPath: { path: "/" } }] },
    { securityContext: { privileged: true }, volumeMounts: [{ name: "host", mountPath: "/host" }] },
  );

  it("accepts a privileged pod with host volumes in unsafe mode, and only then", () => {
    expect(parseHelperTemplate(privileged, true).spec.volumes).toHaveLength(1);
    expect(() => parseHelperTemplate(privileged, false)).toThrow();
  });

  it.each([
    ["privileged", template({}, { securityContext: { privileged: true } }), "set privileged: true"],
    ["volumes", template({ volumes: [{ name: "root", hostPath: { path: "/" } }] }), "define custom volumes"],
    ["initContainers", template({ initContainers: [{ name: "i" }] }), "define initContainers"],
    ["hostNetwork", template({ hostNetwork: true }), "enable host namespaces"],
    ["hostPID", template({ hostPID: true }), "enable host namespaces"],
    ["hostIPC", template({ hostIPC: true }), "enable host namespaces"],
    ["nodeName", template({ nodeName: "n" }), "set spec.nodeName"],
    ["serviceAccountName", template({ serviceAccountName: "s" }), "set spec.serviceAccountName"],
    ["runAsUser 0 of the pod", template({ securityContext: { runAsUser: 0 } }), "set pod runAsUser to 0 (root)"],
    ["runAsGroup 0 of the pod", template({ securityContext: { runAsGroup: 0 } }), "set pod runAsGroup to 0 (root)"],
    ["sysctls", template({ securityContext: { sysctls: [{ name: "a", value: "1" }] } }), "define sysctls"],
    [
      "added capabilities",
      template({}, { securityContext: { capabilities: { add: ["SYS_ADMIN"] } } }),
      "add capabilities",
    ],
    [
      "allowPrivilegeEscalation",
      template({}, { securityContext: { allowPrivilegeEscalation: true } }),
      "set allowPrivilegeEscalation: true",
    ],
    ["ephemeralContainers", template({ ephemeralContainers: [{ name: "e" }] }), "define ephemeralContainers"],
    ["volumeMounts", template({}, { volumeMounts: [{ name: "m", mountPath: "/m" }] }), "define custom volumeMounts"],
    ["envFrom", template({}, { envFrom: [{ secretRef: { name: "s" } }] }), "define envFrom"],
    [
      "env.valueFrom",
      template({}, { env: [{ name: "STOLEN", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }] }),
      'define env.valueFrom (env "STOLEN")',
    ],
    ["lifecycle", template({}, { lifecycle: { postStart: probe } }), "define container lifecycle hooks"],
    ["livenessProbe", template({}, { livenessProbe: probe }), "define container livenessProbe"],
    ["readinessProbe", template({}, { readinessProbe: probe }), "define container readinessProbe"],
    ["startupProbe", template({}, { startupProbe: probe }), "define container startupProbe"],
  ])("refuses %s", (_what, text, what) => {
    expect(() => parseHelperTemplate(text, false)).toThrow(saying(`helper pod template must not ${what} ${UNLESS}`));
    expect(parseHelperTemplate(text, true).container.name).toBe("helper-pod");
  });

  it("refuses two containers", () => {
    const text = template({ containers: [{ name: "helper-pod" }, { name: "sidecar" }] });
    expect(() => parseHelperTemplate(text, false)).toThrow(
      saying("helper pod template must specify exactly one container"),
    );
  });
});

describe("the helper pod's template", () => {
  it("names the first of several mistakes, in the original's order", () => {
    const text = template({ hostNetwork: true, volumes: [{ name: "v" }] }, { securityContext: { privileged: true } });
    expect(() => parseHelperTemplate(text, false)).toThrow("define custom volumes");
  });

  it("refuses a template without containers, even an unsafe one, and an empty text", () => {
    for (const text of ["", "{}", "spec: {}", "spec: {containers: []}", "spec:\n"]) {
      expect(() => parseHelperTemplate(text, true)).toThrow(
        saying("helper pod template does not specify any container"),
      );
    }
  });

  it("repeats a text that is no YAML", () => {
    expect(() => parseHelperTemplate("a: [", false)).toThrow(
      saying("invalid YAMLToJSON the helper pod with helperPodYaml: a: ["),
    );
  });

  it("repeats what is no Pod as JSON with sorted keys", () => {
    expect(() => parseHelperTemplate("spec:\n  containers: none\n  a: 1", false)).toThrow(
      saying('invalid unmarshal the helper pod with helperPodJson: {"spec":{"a":1,"containers":"none"}}'),
    );
    for (const text of ["[]", "text", template({}, { env: [{ name: "N", value: 1 }] })]) {
      expect(() => parseHelperTemplate(text, false)).toThrow("invalid unmarshal the helper pod with helperPodJson: ");
    }
  });

  it("reads YAML 1.1, as the original: no is false, keys may repeat, only the first document counts", () => {
    const parsed = parseHelperTemplate(
      "spec:\n  hostNetwork: no\n  containers: []\n  containers: [{name: c}]\n---\nspec: {}",
      false,
    );
    expect(parsed.spec.hostNetwork).toBe(false);
    expect(parsed.container).toEqual({ name: "c" });
  });

  it("takes null for not given, and keeps what it does not know", () => {
    const parsed = parseHelperTemplate(
      template({ volumes: null, runtimeClassName: "kata" }, { lifecycle: null }),
      false,
    );
    expect(parsed.spec).toMatchObject({ runtimeClassName: "kata" });
    expect(parsed.spec).not.toHaveProperty("volumes");
  });

  it("allows root in the container, which the default helper is anyway", () => {
    expect(parseHelperTemplate(template({}, { securityContext: { runAsUser: 0 } }), false).container.name).toBe(
      "helper-pod",
    );
  });
});
