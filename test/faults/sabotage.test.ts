// Bugs that are put in on purpose, between the product and its judges: a run that does not fail of
// one of them proves nothing.
import { expect, test } from "vitest";
import type { KubeRequest } from "../../src/kube/kube.ts";
import { seedOf } from "./draw.ts";
import { readManifests } from "./files.ts";
import { run } from "./run.ts";

interface Bug {
  readonly what: string;
  /** What is sent in place of a request; undefined: the request itself. */
  readonly sends: (request: KubeRequest) => KubeRequest | undefined;
  readonly found: RegExp;
}

const manifests = await readManifests();

/**
 * The first of those that runs.test.ts finds nothing in; a bug is to be found by one of them. (By
 * the first or the second, when this was written.)
 */
const SEEDS = Array.from({ length: 6 }, (_, index) => seedOf(20261125, index));

const CREATE_HELPER = /\/pods\/helper-pod-create-/;

const BUGS: readonly Bug[] = [
  {
    what: "a PersistentVolume is deleted without its UID",
    sends: (request) => withoutUid(request, /\/persistentvolumes\//),
    found: /^mooring-\d deletes \/api\/v1\/persistentvolumes\/\S+ without naming a UID \(at /,
  },
  {
    what: "a helper pod is deleted without its UID",
    sends: (request) => withoutUid(request, /\/pods\//),
    found: /^mooring-\d deletes \S+\/pods\/helper-pod-\S+ without naming a UID \(at /,
  },
  {
    what: "the helper pod that made a directory is looked at instead of deleted",
    sends: ({ method, path }) =>
      method === "DELETE" && CREATE_HELPER.test(path) ? { method: "GET", path } : undefined,
    found: /^not settled: (.+; )?helper pod helper-pod-create-\S+ is left \(\w+\)/,
  },
  {
    what: "a PersistentVolume leads to another directory than the one that was made",
    sends: storedElsewhere,
    found: /^pvc-\S+ was stored without its directory \S+:\S+-elsewhere \(at /,
  },
  {
    what: "a removal empties another directory than the volume's",
    sends: removedElsewhere,
    found: /^not settled: (.+; )?\S+:\S+ belongs to no volume/,
  },
  {
    what: "a removal does not know the helper pods of the one before it",
    sends: removedUnknown,
    found: /^helper-pod-delete-\d+-\S+ begins in \S+ while helper-pod-delete-\d+-\S+ works there \(at /,
  },
];

test.each(BUGS.map((bug) => [bug.what, bug] as const))("a run fails when %s", async (_what, { sends, found }) => {
  const sabotage = (request: KubeRequest): KubeRequest => sends(request) ?? request;
  let failure: string | undefined;
  for (const seed of SEEDS) {
    ({ failure } = await run(seed, manifests, { trace: false, sabotage }));
    if (failure !== undefined) break;
  }
  expect(failure).toMatch(found);
});

function withoutUid(request: KubeRequest, of: RegExp): KubeRequest | undefined {
  if (request.method !== "DELETE" || !of.test(request.path)) return undefined;
  return { ...request, body: { ...(request.body as object), preconditions: undefined } };
}

function storedElsewhere(request: KubeRequest): KubeRequest | undefined {
  if (request.method !== "POST" || !request.path.endsWith("/persistentvolumes")) return undefined;
  return changed(request, /"path":"([^"]+?)\/?"/, '"path":"$1-elsewhere"');
}

function removedElsewhere(request: KubeRequest): KubeRequest | undefined {
  if (request.method !== "POST" || !request.path.endsWith("/pods")) return undefined;
  if (!JSON.stringify(request.body).includes("helper-pod-delete-")) return undefined;
  return changed(request, /"name":"VOL_DIR","value":"([^"]+?)\/?"/, '"name":"VOL_DIR","value":"$1-elsewhere"');
}

let removals = 0;

/** Under a new name each time, and none that the product reads. */
function removedUnknown(request: KubeRequest): KubeRequest | undefined {
  if (request.method !== "POST" || !request.path.endsWith("/pods")) return undefined;
  const named = changed(request, /"name":"helper-pod-delete-/, `"name":"helper-pod-delete-${++removals}-`);
  return changed(named, /"-a","delete"/, '"-a","unknown"');
}

function changed(request: KubeRequest, what: RegExp, by: string): KubeRequest {
  return { ...request, body: JSON.parse(JSON.stringify(request.body).replace(what, by)) as unknown };
}
