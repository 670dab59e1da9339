/*
 * The classic driver's manifest as distributions have local-path-provisioner: what their users are
 * used to (default class, volume type, base path, scripts, helper image) stays, the rest is ours.
 * Read from k3s (manifests/local-storage.yaml) and kind (const_storage.go). The helper images are
 * those of the newest releases: distributions.test.ts says of which.
 */
import { readFile } from "node:fs/promises";

const MANIFEST = "deploy/local-path-storage.yaml";

interface Distribution {
  readonly head: string;
  /** Texts of our manifest, and what stands there instead. Each must be there. */
  readonly changes: readonly (readonly [string, string])[];
}

const IS_DEFAULT = `storageclass.kubernetes.io/is-default-class: "true"`;
const HELPER_IMAGE = "image: docker.io/library/busybox";
const POD_SPEC = "      serviceAccountName: local-path-provisioner-service-account\n";
const CONTROL_PLANE = ["control-plane", "master"].map((role) => `node-role.kubernetes.io/${role}`);

function toleratesControlPlane(...keys: readonly string[]): readonly [string, string] {
  const list = [...keys, ...CONTROL_PLANE].map((key) => `        - key: ${key}\n          operator: Exists\n`);
  return [POD_SPEC, `${POD_SPEC}      tolerations:\n${list.join("")}`];
}

/** In k3s the provisioner is in kube-system, and its directory is closed to other users. */
export async function k3sManifest(): Promise<string> {
  const text = await changed({
    head: "# Mooring in the place of k3s' local-storage: docs/k3s.md. Made from local-path-storage.yaml (npm run generate).",
    changes: [
      [
        "  name: local-path\nprovisioner",
        `  name: local-path\n  annotations:\n    defaultVolumeType: local\n    ${IS_DEFAULT}\nprovisioner`,
      ],
      ["/opt/local-path-provisioner", "/var/lib/rancher/k3s/storage"],
      [`    mkdir -m 0777 -p "$VOL_DIR"\n`, `    mkdir -m 0777 -p "$VOL_DIR"\n    chmod 700 "$VOL_DIR/.."\n`],
      [HELPER_IMAGE, "image: docker.io/rancher/mirrored-library-busybox:1.37.0"],
      toleratesControlPlane("CriticalAddonsOnly"),
    ],
  });
  return inKubeSystem(text);
}

function inKubeSystem(text: string): string {
  const [first = "", ...others] = text.split("---\n");
  const comments = first.slice(0, first.indexOf("apiVersion"));
  return comments + others.join("---\n").replaceAll("namespace: local-path-storage", "namespace: kube-system");
}

/** In kind the class is called standard, and the helper image is in the nodes. */
export async function kindManifest(): Promise<string> {
  return changed({
    head: "# Mooring in the place of kind's local-path-provisioner: docs/kind.md. Made from local-path-storage.yaml (npm run generate).",
    changes: [
      ["  name: local-path\nprovisioner", `  name: standard\n  annotations:\n    ${IS_DEFAULT}\nprovisioner`],
      ["/opt/local-path-provisioner", "/var/local-path-provisioner"],
      [HELPER_IMAGE, "image: docker.io/kindest/local-path-helper:v20260131-7181c60a"],
      toleratesControlPlane(),
    ],
  });
}

async function changed({ changes, head }: Distribution): Promise<string> {
  const ours = await readFile(MANIFEST, "utf8");
  const body = ours.slice(ours.indexOf("# Differences"));
  return changes.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`${MANIFEST} does not have exactly one: ${from}`);
    return text.replace(from, to);
  }, `${head}\n${body}`);
}
