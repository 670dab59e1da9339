import { defineErrors } from "../observe/errors.ts";

/**
 * The errors with which the demo cannot begin: exit code 2. Once it runs, a problem is a failed
 * check: exit code 1.
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
    advice:
      "Correct the file at the line in the message. YAML allows no tabs for indentation; a text with ': ' in it needs quotes.",
  },
  MANIFEST_EMPTY: {
    message: ({ file }: { file: string }) => `the manifest ${file} contains no object`,
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
    advice: "Leave that object out, or try it on a real cluster. docs/lab.md lists what the lab does not do.",
  },
  OBJECT_REFUSED: {
    message: ({ where, why }: { where: string; why: string }) => `${where} was refused by the lab's API server: ${why}`,
    retry: "never",
    advice: "Correct the object as the message says. A real API server gives the same message.",
  },
  NO_WORKPLACE: {
    message: ({ directory, why }: { directory: string; why: string }) =>
      `cannot make a directory for the nodes' files in ${directory}: ${why}`,
    retry: "never",
    advice: "Set TMPDIR to a directory that exists, that you may write to, and that has some megabytes free.",
  },
  NOT_BUILT: {
    message: ({ file }: { file: string }) => `the demo needs ${file}, which does not exist`,
    retry: "never",
    advice: "Run it from the repository: npm ci && npm run demo.",
  },
});
