import { defineErrors } from "../observe/errors.ts";

/**
 * What the demo says when it cannot begin: exit code 2. What does not hold once it runs is a check,
 * and exit code 1.
 */
export const demoErrors = defineErrors("DEMO", {
  MANIFEST_MISSING: {
    message: ({ file, why }: { file: string; why: string }) => `cannot read the manifest ${file}: ${why}`,
    retry: "never",
    advice: "Give -f the path of a YAML or JSON file that you may read, or - for standard input.",
  },
  MANIFEST_SYNTAX: {
    message: ({ file, why }: { file: string; why: string }) => `the manifest ${file} is not YAML: ${why}`,
    retry: "never",
    advice: "Mend the file at the line that is named. YAML knows no tabs; a text with ': ' in it needs quotes.",
  },
  MANIFEST_EMPTY: {
    message: ({ file }: { file: string }) => `the manifest ${file} holds no object`,
    retry: "never",
    advice: "Put at least one Kubernetes object into the file, with apiVersion, kind and metadata.name.",
  },
  MANIFEST_NO_OBJECT: {
    message: ({ where, why }: { where: string; why: string }) => `${where} is not a Kubernetes object: ${why}`,
    retry: "never",
    advice: "Every document of a manifest needs apiVersion, kind and metadata.name.",
  },
  KIND_NOT_SERVED: {
    message: ({ where, apiVersion, kind, served }: Record<"where" | "apiVersion" | "kind" | "served", string>) =>
      `${where}: the lab does not serve ${apiVersion} ${kind}; it serves ${served}`,
    retry: "never",
    advice: "Leave that object out, or try it on a real cluster. docs/lab.md tells what the lab does not do.",
  },
  OBJECT_REFUSED: {
    message: ({ where, why }: { where: string; why: string }) => `${where} was refused by the lab's API server: ${why}`,
    retry: "never",
    advice: "Mend the object. The API server's words are those that a real one has.",
  },
  NO_WORKPLACE: {
    message: ({ directory, why }: { directory: string; why: string }) =>
      `cannot make a directory for the nodes' files in ${directory}: ${why}`,
    retry: "never",
    advice: "Set TMPDIR to a directory that is there, that you may write to, and that has some megabytes left.",
  },
  NOT_BUILT: {
    message: ({ file }: { file: string }) => `the demo needs ${file}, which is not there`,
    retry: "never",
    advice: "Run it from the repository: npm ci && npm run demo.",
  },
});
