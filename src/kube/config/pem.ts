import { Buffer } from "node:buffer";
import type { Pem } from "./access.ts";
import { KubeconfigError } from "./kubeconfig-error.ts";
import { pathIn, type Entry } from "./kubeconfig-file.ts";

/** The inline or file certificate of an entry. The inline one wins, as in kubectl. */
export function pemOf(entry: Entry<object>, where: string, field: string): Pem | undefined {
  const values = entry.value as Readonly<Record<string, unknown>>;
  const data = values[`${field}-data`];
  if (typeof data === "string" && data !== "") {
    const text = Buffer.from(data, "base64").toString("utf8");
    if (!text.includes("-----BEGIN ")) {
      throw new KubeconfigError(
        `the kubeconfig ${entry.file}: ${where}.${field}-data is not a base64-encoded PEM file; set it to the output of \`base64 -w0 FILE\``,
      );
    }
    return { text };
  }
  const file = values[field];
  return typeof file === "string" && file !== "" ? { file: pathIn(entry.file, file) } : undefined;
}
