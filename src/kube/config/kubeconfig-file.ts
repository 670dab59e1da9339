import { dirname, isAbsolute, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import type { Files } from "../../effects/files.ts";
import { KubeconfigError } from "./kubeconfig-error.ts";

const text = z.string().nullish();
const flag = z.boolean().nullish();
const texts = z.array(z.string()).nullish();

const cluster = z.object({
  server: text,
  "certificate-authority": text,
  "certificate-authority-data": text,
  "insecure-skip-tls-verify": flag,
  "tls-server-name": text,
  "proxy-url": text,
  extensions: z.array(z.object({ name: z.string(), extension: z.unknown() })).nullish(),
});

const exec = z.object({
  apiVersion: text,
  command: z.string().min(1),
  args: texts,
  env: z.array(z.object({ name: z.string().min(1), value: z.string() })).nullish(),
  installHint: text,
  provideClusterInfo: flag,
  interactiveMode: z.enum(["Never", "IfAvailable", "Always"]).nullish(),
});

const user = z.object({
  token: text,
  tokenFile: text,
  "client-certificate": text,
  "client-certificate-data": text,
  "client-key": text,
  "client-key-data": text,
  username: text,
  password: text,
  exec: exec.nullish(),
  "auth-provider": z.object({ name: text }).nullish(),
  as: text,
  "as-uid": text,
  "as-groups": texts,
  "as-user-extra": z.record(z.string(), z.array(z.string())).nullish(),
});

const context = z.object({ cluster: text, user: text, namespace: text });

const kubeconfig = z.object({
  "current-context": text,
  clusters: z.array(z.object({ name: z.string(), cluster: cluster.nullish() })).nullish(),
  users: z.array(z.object({ name: z.string(), user: user.nullish() })).nullish(),
  contexts: z.array(z.object({ name: z.string(), context: context.nullish() })).nullish(),
});

/** An entry and the file it came from. Relative paths in the entry are relative to that file. */
export interface Entry<T> {
  readonly file: string;
  readonly value: T;
}
export type ClusterEntry = Entry<z.infer<typeof cluster>>;
export type UserEntry = Entry<z.infer<typeof user>>;
export type ContextEntry = Entry<z.infer<typeof context>>;
export type ExecEntry = z.infer<typeof exec>;

/** The merged content of one or several kubeconfig files. */
export interface Kubeconfig {
  readonly files: readonly string[];
  readonly currentContext: string | undefined;
  readonly clusters: ReadonlyMap<string, ClusterEntry>;
  readonly users: ReadonlyMap<string, UserEntry>;
  readonly contexts: ReadonlyMap<string, ContextEntry>;
}

/**
 * Reads and merges these files as kubectl merges a KUBECONFIG list. For each name the entry of the
 * first file wins; entries are not mixed. The first current-context wins too.
 */
export async function readKubeconfigs(files: Files, paths: readonly string[]): Promise<Kubeconfig> {
  const clusters = new Map<string, ClusterEntry>();
  const users = new Map<string, UserEntry>();
  const contexts = new Map<string, ContextEntry>();
  let currentContext: string | undefined;
  for (const file of paths) {
    const parsed = parseKubeconfig(file, await read(files, file));
    currentContext ??= parsed["current-context"] || undefined;
    for (const entry of parsed.clusters ?? []) addFirst(clusters, entry.name, { file, value: entry.cluster ?? {} });
    for (const entry of parsed.users ?? []) addFirst(users, entry.name, { file, value: entry.user ?? {} });
    for (const entry of parsed.contexts ?? []) addFirst(contexts, entry.name, { file, value: entry.context ?? {} });
  }
  return { files: paths, currentContext, clusters, users, contexts };
}

/** A path as written in `file`, made absolute. */
export function pathIn(file: string, path: string): string {
  return isAbsolute(path) ? path : resolve(dirname(file), path);
}

function addFirst<T>(map: Map<string, T>, name: string, value: T): void {
  if (!map.has(name)) map.set(name, value);
}

async function read(files: Files, file: string): Promise<string> {
  try {
    return await files.readText(file);
  } catch (error) {
    throw new KubeconfigError(
      `cannot read the kubeconfig ${file}: ${messageOf(error)}; check the path, KUBECONFIG and the file's mode`,
      { cause: error },
    );
  }
}

function parseKubeconfig(file: string, content: string): z.infer<typeof kubeconfig> {
  let document: unknown;
  try {
    document = parse(content, { logLevel: "error" });
  } catch (error) {
    // Only the first line: the other lines quote the file, which may contain a secret. For the same
    // reason the error is not set as `cause`.
    const [fault = ""] = messageOf(error).split("\n");
    throw new KubeconfigError(`the kubeconfig ${file} is not YAML: ${fault.replace(/:$/, "")}`);
  }
  const result = kubeconfig.safeParse(document ?? {});
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `${fieldName(issue.path)}: ${issue.message}`);
  throw new KubeconfigError(`the kubeconfig ${file} is wrong at ${faults.join("; ")}. Correct these fields`);
}

function fieldName(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "the top level";
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
