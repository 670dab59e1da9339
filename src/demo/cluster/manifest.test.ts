import { expect, it } from "vitest";
import { CodedError } from "../../observe/errors.ts";
import { parseManifest } from "./manifest.ts";

const claim = (name: string, more = ""): string =>
  `apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: ${name}\n${more}`;

it("objects come in the order of their documents, in the namespace default unless they say otherwise", () => {
  const text = `# a comment\n---\n${claim("a")}---\n---\n${claim("b", "  namespace: other\n")}---\n{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"}}\n`;
  const found = parseManifest("f", text);
  expect(found.map(({ body }) => body.metadata)).toEqual([
    { name: "a", namespace: "default" },
    { name: "b", namespace: "other" },
    { name: "n" },
  ]);
  expect(found.map(({ resource }) => resource.plural)).toEqual([
    "persistentvolumeclaims",
    "persistentvolumeclaims",
    "namespaces",
  ]);
});

it("a List stands for its items, as kubectl get -o yaml gives it", () => {
  const text = JSON.stringify({
    apiVersion: "v1",
    kind: "List",
    items: [
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } },
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "b" } },
    ],
  });
  expect(parseManifest("f", text).map(({ body }) => body.metadata?.name)).toEqual(["a", "b"]);
});

it.each([
  ["no YAML", "a: b: c", "DEMO_MANIFEST_SYNTAX", /the manifest f is not YAML: .* at line 1/],
  ["nothing", "# only a comment\n", "DEMO_MANIFEST_EMPTY", /the manifest f contains no object/],
  ["a text", "hello", "DEMO_MANIFEST_NO_OBJECT", /f, document 1 is not a Kubernetes object: it is not a map of fields/],
  ["no kind", "apiVersion: v1\nmetadata: {name: a}", "DEMO_MANIFEST_NO_OBJECT", /kind is missing/],
  ["no name", "apiVersion: v1\nkind: Pod\nmetadata: {}", "DEMO_MANIFEST_NO_OBJECT", /metadata.name is missing/],
  [
    "a kind that is not served, after one that is",
    `${claim("a")}---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: j}`,
    "DEMO_KIND_NOT_SERVED",
    /f, document 2 \(Job j\): the lab does not serve batch\/v1 Job; it serves .*StatefulSet/,
  ],
  [
    "a version that is not served",
    "apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: d}",
    "DEMO_KIND_NOT_SERVED",
    /apps\/v1beta1 Deployment/,
  ],
])("a manifest with %s is refused, and the message names the place", (_, text, code, message) => {
  let thrown: unknown;
  try {
    parseManifest("f", text);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(CodedError);
  expect(thrown).toMatchObject({ code, message: expect.stringMatching(message) });
});
