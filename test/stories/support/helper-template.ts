import { toYaml } from "./manifest.ts";

/**
 * A template of helper pods, as the ConfigMap has it under `helperPod.yaml`: a busybox unless
 * changed.
 */
export function helperTemplate(
  change: { labels?: Record<string, string>; container?: Record<string, unknown> } = {},
): string {
  return toYaml({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "helper-pod", ...(change.labels === undefined ? {} : { labels: change.labels }) },
    spec: {
      containers: [{ name: "helper-pod", image: "docker.io/library/busybox:1.37.0", ...change.container }],
    },
  });
}
