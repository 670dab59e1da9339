import type { KubeClient } from "../../src/kube/client.ts";
import { persistentVolumeClaims, storageClasses } from "../../src/kube/kinds.ts";
import { isAlreadyExists } from "../../src/kube/errors.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { caughtUp } from "./catch-up.ts";
import { clean } from "./clean.ts";
import { connect } from "./connect.ts";
import { figuresOf, figuresOfOne, type Figures } from "./figures.ts";
import { claimsAtOnce, claimsInTurn, podsAtOnce } from "./measure.ts";
import { claim, NAMESPACE, namespaces, podWithClaim, storageClass } from "./objects.ts";
import { Observer } from "./observer.ts";
import type { Case } from "./options.ts";
import type { Subject } from "./subjects/subject.ts";

const TRIES_OF_ONE = 20;
const PODS = 100;

/**
 * How claims say where they want their volume: they leave it to the provisioner, or name a node as
 * the scheduler would.
 */
export type Placement = "immediate" | "selected-node";

export interface RunOptions {
  readonly cases: readonly Case[];
  readonly placement: Placement;
  readonly log: (line: string) => void;
}

/**
 * Measures one subject, case by case, and takes it away again. Every case begins when the
 * controller manager has caught up with what was before, and ends when it has caught up with the
 * case: a claim that becomes Lost late is seen.
 */
export async function runSubject(cluster: Cluster, subject: Subject, options: RunOptions): Promise<Figures[]> {
  const connection = await connect(cluster.kubeconfig);
  const { client } = connection;
  await prepare(client, subject);
  await caughtUp(client, "none");
  const observer = await Observer.open(connection, NAMESPACE);
  const running = await subject.start(cluster);
  const measure = async (): Promise<Figures[]> => {
    await claimsAtOnce(client, observer, claimsOf(cluster, subject, options, "first", 1));
    await clean(client, subject);
    const all: Figures[] = [];
    for (const name of options.cases) {
      await caughtUp(client, "none");
      const figures = await runCase(cluster, client, observer, subject, name, options);
      const memory = running.residentMiB();
      await caughtUp(client, "settled");
      observer.assertNothingLost();
      options.log(`${JSON.stringify(figures)}${memory === undefined ? "" : `, ${memory} MiB resident`}`);
      all.push(figures);
      await clean(client, subject);
    }
    return all;
  };
  try {
    const all = await Promise.race([measure(), running.failure()]);
    observer.assertNothingLost();
    return all;
  } finally {
    await running.stop();
    await observer.close();
    await caughtUp(client, "none");
    await connection.close();
  }
}

async function runCase(
  cluster: Cluster,
  client: KubeClient,
  observer: Observer,
  subject: Subject,
  name: Case,
  options: RunOptions,
): Promise<Figures> {
  if (name === "pods") {
    const names = Array.from({ length: PODS }, (_, index) => `${subject.name}-pods-${index}`);
    await Promise.all(names.map((one) => client.create(persistentVolumeClaims, claim(one, classOf(subject, "later")))));
    const pods = names.map((one) => podWithClaim(one, one));
    return figuresOf({ subject: subject.name, case: "pods" }, await podsAtOnce(client, observer, pods));
  }
  const what = { subject: subject.name, case: "claims" } as const;
  if (name === "1") {
    const claims = claimsOf(cluster, subject, options, "one", TRIES_OF_ONE);
    return figuresOfOne(what, await claimsInTurn(client, observer, claims));
  }
  const claims = claimsOf(cluster, subject, options, `of-${name}`, Number(name));
  return figuresOf(what, await claimsAtOnce(client, observer, claims));
}

function claimsOf(
  cluster: Cluster,
  subject: Subject,
  { placement }: RunOptions,
  name: string,
  count: number,
): ReturnType<typeof claim>[] {
  const nodes = cluster.nodes.map((node) => node.name);
  return Array.from({ length: count }, (_, index) =>
    placement === "immediate"
      ? claim(`${subject.name}-${name}-${index}`, classOf(subject, "now"))
      : claim(`${subject.name}-${name}-${index}`, classOf(subject, "later"), nodes[index % nodes.length]),
  );
}

async function prepare(client: KubeClient, subject: Subject): Promise<void> {
  const { provisioner } = subject;
  await Promise.all([
    ensureNamespace(client),
    client.create(storageClasses, storageClass(classOf(subject, "now"), provisioner, "Immediate")),
    client.create(storageClasses, storageClass(classOf(subject, "later"), provisioner, "WaitForFirstConsumer")),
  ]);
}

/** Makes the namespace of all claims, unless it is there. */
export async function ensureNamespace(client: KubeClient): Promise<void> {
  await client.create(namespaces, { metadata: { name: NAMESPACE } }).catch(unlessThere);
}

function classOf(subject: Subject, when: "now" | "later"): string {
  return `bench-${subject.name}-${when}`;
}

function unlessThere(error: unknown): void {
  if (!isAlreadyExists(error)) throw error;
}
