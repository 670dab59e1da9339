import { stringify } from "yaml";

/** A kubeconfig with one cluster, one user with a token, one context. `ca` is PEM. */
export function kubeconfig(lab: { url: string; ca: string | undefined; user: string; token: string }): string {
  const { url, ca, user, token } = lab;
  const trust = ca === undefined ? {} : { "certificate-authority-data": Buffer.from(ca).toString("base64") };
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "lab", cluster: { server: url, ...trust } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: "lab", context: { cluster: "lab", user } }],
    "current-context": "lab",
  });
}
