import { readFile, writeFile } from "node:fs/promises";
import { stringify } from "yaml";
import type { Pki } from "./pki.ts";

/** The one context in every kubeconfig that is written here. */
export const CONTEXT = "mooring-test";

/**
 * Writes a kubeconfig that holds its certificates itself, so that the file can be copied anywhere.
 */
export async function writeKubeconfig(file: string, server: string, pki: Pki, client: string): Promise<void> {
  const base64 = async (path: string): Promise<string> => (await readFile(path)).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: CONTEXT,
        cluster: { server, "certificate-authority-data": await base64(pki.certificate("ca")) },
      },
    ],
    users: [
      {
        name: client,
        user: {
          "client-certificate-data": await base64(pki.certificate(client)),
          "client-key-data": await base64(pki.key(client)),
        },
      },
    ],
    contexts: [{ name: CONTEXT, context: { cluster: CONTEXT, user: client } }],
    "current-context": CONTEXT,
  };
  await writeFile(file, stringify(config), { mode: 0o600 });
}
