import { waitFor } from "../cluster/wait.ts";
import type { ConformanceCase } from "./case.ts";
import { Conversation } from "./conversation.ts";
import type { Course, Exchange } from "./record.ts";
import { withoutVolatile } from "./volatile.ts";
import type { Server } from "./server.ts";
import type { WireEvents } from "./wire.ts";

/**
 * Runs one case on a server, in a namespace that it makes, and gives what was seen without what is
 * volatile. `run` is an id that no other case on this server has.
 */
export async function runCase(server: Server, { run }: ConformanceCase, id: string): Promise<Exchange[]> {
  const { wire } = server;
  const namespace = `conformance-${id}`;
  const course: Course = { exchanges: [], received: [], made: [] };
  const watches: WireEvents[] = [];
  const c = new Conversation({ server, run: id, namespace, course, watches });
  await c.given.create("namespaces", { metadata: { name: namespace } });
  // What controllers put into a new namespace is not to come while something is watched.
  for (const object of ["serviceaccounts/default", "configmaps/kube-root-ca.crt"]) {
    await waitFor(
      `${object} in ${namespace}`,
      async () => {
        const path = `/api/v1/namespaces/${namespace}/${object}`;
        return (await wire.send({ method: "GET", path })).code === 200 ? true : undefined;
      },
      { timeoutMs: 120_000, everyMs: 10 },
    );
  }
  try {
    await run(c);
    // After it nothing that the case was told may lie.
    const end = `end-${id}`;
    await c.given.create("leases", { metadata: { name: end } }, { namespace: "default" });
    await c.given.delete("leases", end, undefined, { namespace: "default" });
  } finally {
    for (const watch of watches) watch.close();
    await wire.send({ method: "DELETE", path: `/api/v1/namespaces/${namespace}` });
  }
  return withoutVolatile(course, id);
}

/** An id that fits into names: letters only, so that it is never taken for a number or a time. */
export function newRunId(): string {
  return Array.from({ length: 8 }, () => "bcdfghjkmnpqrstvwxz".charAt(Math.floor(Math.random() * 19))).join("");
}
