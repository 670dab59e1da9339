import type { Pod } from "../../kube/kinds.ts";
import { keyOf, uidOf } from "../../kube/objects.ts";
import type { DrainFacts, PodFacts, RunningFacts } from "../checks/facts.ts";
import { drain, setUnschedulable } from "../cluster/drain.ts";
import { claimKeysOf, isControlled, isPodReady, unschedulableMessage } from "../cluster/state.ts";
import { nameOf, YOU } from "../timeline/line.ts";
import { filesIn, journalIn } from "./disk.ts";
import { podFacts, podToDrain } from "./gather.ts";
import { settle } from "./settled.ts";
import { until, type Stage } from "./stage.ts";

/**
 * Drains the node of a pod with a volume, shows what happens to the pod, and uncordons the node.
 */
export async function drainAndReturn(stage: Stage): Promise<void> {
  const { client, facts, signal, timeline, view } = stage;
  const pod = podToDrain(view.snapshot);
  if (pod === undefined || facts.running === undefined) {
    timeline.say("\nNo running pod has a volume, so no node is drained.");
    return;
  }
  const node = pod.spec?.nodeName ?? "";
  timeline.act(`kubectl drain ${node} --ignore-daemonsets --delete-emptydir-data`);
  const before = await podFacts(pod, facts.running.volumes);
  const onRefusal = (refused: Pod, why: string): void => {
    timeline.record([{ actor: YOU, text: `may not evict pod ${nameOf(refused)} now: ${why}`, tone: "bad" }]);
  };
  const plan = await drain({ ...stage, onRefusal }, node);
  const refused = plan.refuse.map(keyOf);
  if (refused.length > 0) {
    facts.drain = {
      node,
      pod: before,
      refused,
      evicted: [],
      left: [],
      after: undefined,
      journal: undefined,
      files: [],
    };
    timeline.say(
      `  Refused, as kubectl would: no controller would bring back ${refused.join(", ")}. Nothing was evicted.`,
    );
    await setUnschedulable(client, node, false, signal);
    return;
  }
  const evicted = new Set(plan.evict.map(uidOf));
  const next = await until(stage, `a pod in place of ${keyOf(pod)}`, ({ pods }) =>
    pods.find(
      (each) => isSuccessor(each, pod, evicted) && (isPodReady(each) || unschedulableMessage(each) !== undefined),
    ),
  );
  facts.drain = await drainFacts(stage, node, before, next, plan.evict);
  if (next.spec?.nodeName === undefined) {
    timeline.say(
      `  Its data lies on ${node}, and a volume that is a directory cannot follow. This is the problem that Mooring exists to solve:\n` +
        "  volumes that move with their pod come next. Until then the pod waits for its node, as with local-path-provisioner.",
    );
  }
  timeline.act(`kubectl uncordon ${node}`);
  await setUnschedulable(client, node, false, signal);
  await settle(stage, "everything to run again");
  facts.back = await returned(stage, pod, facts.drain, facts.running);
  if (facts.back !== undefined) timeline.say(returnText(facts.back, facts.drain));
}

/** Whether the pod replaces the evicted one: it has the same controller and the same claim. */
function isSuccessor(pod: Pod, evicted: Pod, gone: ReadonlySet<string>): boolean {
  if (gone.has(uidOf(pod)) || pod.metadata?.namespace !== evicted.metadata?.namespace) return false;
  const claims = claimKeysOf(evicted);
  return claimKeysOf(pod).some((claim) => claims.includes(claim));
}

async function drainFacts(
  { facts, view }: Stage,
  node: string,
  pod: PodFacts,
  next: Pod,
  evicted: readonly Pod[],
): Promise<DrainFacts> {
  const directory = directoryOf(facts.running, pod);
  const left = view.snapshot.pods.filter((each) => each.spec?.nodeName === node && isControlled(each));
  return {
    node,
    pod,
    refused: [],
    evicted: evicted.map(keyOf),
    left: left.map((each) => `pod ${keyOf(each)} is on ${node}`),
    after: {
      key: keyOf(next),
      phase: next.status?.phase ?? "",
      node: next.spec?.nodeName,
      message: unschedulableMessage(next),
    },
    journal: await journalIn(directory),
    files: directory === undefined ? [] : await filesIn(directory),
  };
}

/** The pod after the uncordon. With deploy/demo.yaml, waits until it has written another line. */
async function returned(
  stage: Stage,
  pod: Pod,
  drained: DrainFacts,
  running: RunningFacts,
): Promise<PodFacts | undefined> {
  const { clock, facts, signal, timeoutMs, view } = stage;
  const end = clock.monotonic() + timeoutMs;
  for (;;) {
    const gone = new Set([uidOf(pod)]);
    const found = view.snapshot.pods.find((each) => isSuccessor(each, pod, gone));
    if (found === undefined) return undefined;
    const now = await podFacts(found, running.volumes);
    const hasWritten = (now.journal?.length ?? 0) > (drained.journal?.length ?? 0);
    if (!facts.builtIn || hasWritten || clock.monotonic() > end) return now;
    await clock.sleep(50, signal);
  }
}

function directoryOf(running: RunningFacts | undefined, pod: PodFacts): string | undefined {
  return running?.volumes.find(({ claim }) => keyOf(claim) === pod.claim)?.directory;
}

function returnText(back: PodFacts, { journal }: DrainFacts): string {
  const lines = (text: string | undefined): number => (text ?? "").split("\n").length - 1;
  if (back.journal === undefined) return `  Pod ${back.key} is back on ${back.node}.`;
  return `  Pod ${back.key} is back on ${back.node} with its data: the journal's ${String(lines(journal))} lines, and it goes on (${String(lines(back.journal))} now).`;
}
