import { storageClasses } from "../../src/kube/kinds.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { Child, programArgv } from "./child.ts";
import { connect } from "./connect.ts";
import { figuresOf, type Figures } from "./figures.ts";
import { claimsAtOnce } from "./measure.ts";
import { claim, NAMESPACE, storageClass } from "./objects.ts";
import { Observer } from "./observer.ts";
import type { Case } from "./options.ts";
import { ensureNamespace } from "./run-subject.ts";

const CLASS = "bench-writes";

/**
 * What the API server itself needs for the writes of express bind. The controller manager is
 * stopped first, and stays so: it would answer claims that it sees bound before their volume with
 * phase Lost, and waiting for it is what the other subjects measure. So this is the last subject on
 * its cluster. Only claims at once are measured: one alone says nothing of a limit.
 */
export async function runWrites(
  cluster: Cluster,
  cases: readonly Case[],
  log: (line: string) => void,
): Promise<Figures[]> {
  await cluster.controllerManager.stop();
  const connection = await connect(cluster.kubeconfig);
  const { client } = connection;
  await ensureNamespace(client);
  await client.create(storageClasses, storageClass(CLASS, "bench.mooring.dev/writes", "Immediate"));
  const observer = await Observer.open(connection, NAMESPACE);
  const running = new Child(cluster, "writes", programArgv("writes-main.ts", cluster.kubeconfig, CLASS));
  const claimsNamed = (name: string, count: number): ReturnType<typeof claim>[] =>
    Array.from({ length: count }, (_, index) => claim(`writes-${name}-${index}`, CLASS));
  const measure = async (): Promise<Figures[]> => {
    await claimsAtOnce(client, observer, claimsNamed("first", 1));
    const all: Figures[] = [];
    for (const count of cases.flatMap((name) => (name === "50" || name === "500" ? [Number(name)] : []))) {
      const courses = await claimsAtOnce(client, observer, claimsNamed(`of-${count}`, count));
      const figures = figuresOf({ subject: "writes", case: "claims" }, courses);
      log(JSON.stringify(figures));
      all.push(figures);
    }
    return all;
  };
  try {
    return await Promise.race([measure(), running.failure()]);
  } finally {
    await running.stop();
    await observer.close();
    await connection.close();
  }
}
