import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Pod } from "../../kube/kinds.ts";
import { keyOf, uidOf } from "../../kube/objects.ts";
import type { MovedFacts, PodFacts } from "../checks/facts.ts";
import { drain, setUnschedulable } from "../cluster/drain.ts";
import { claimKeysOf, isControlled, isPodReady } from "../cluster/state.ts";
import type { ClusterSnapshot } from "../cluster/view.ts";
import { nameOf, YOU } from "../timeline/line.ts";
import { podFacts, podToDrain, gatherRunning } from "./gather.ts";
import { settle } from "./settled.ts";
import { until, type Stage } from "./stage.ts";

/** Drains the node of a pod with a volume, and follows the pod and its data to another node. */
export async function drainAndMove(stage: Stage): Promise<void> {
  const { client, facts, signal, timeline, view } = stage;
  const pod = podToDrain(view.snapshot);
  if (pod === undefined || facts.running === undefined) {
    timeline.say("\nNo running pod has a volume, so no node is drained.");
    return;
  }
  const node = pod.spec?.nodeName ?? "";
  timeline.act(`kubectl drain ${node} --ignore-daemonsets --delete-emptydir-data`);
  const before = await podFacts(pod, facts.running.volumes);
  const claimBefore = boundClaim(view.snapshot, before);
  const held: string[] = [];
  const onRefusal = (refused: Pod, why: string): void => {
    held.push(why);
    timeline.record([
      { actor: YOU, text: `evicting pod ${nameOf(refused)}: error when evicting: ${why}`, tone: "bad" },
    ]);
  };
  const plan = await drain({ ...stage, onRefusal }, node);
  const refused = plan.refuse.map(keyOf);
  const common = { node, before, refused, held, claimBefore };
  if (refused.length > 0) {
    facts.moved = { ...common, evicted: [], left: [], after: undefined, claimAfter: undefined, move: undefined };
    timeline.say(
      `  Refused, as kubectl would: no controller would bring back ${refused.join(", ")}. Nothing was evicted.`,
    );
    await setUnschedulable(client, node, false, signal);
    return;
  }
  // Take the API's state now, before waiting for anything else.
  const left = view.snapshot.pods.filter((each) => each.spec?.nodeName === node && isControlled(each));
  const next = await until(stage, `a pod in place of ${keyOf(pod)} to be Ready`, ({ pods }) =>
    pods.find((each) => uidOf(each) !== uidOf(pod) && isInPlaceOf(each, pod) && isPodReady(each)),
  );
  await settle(stage, "everything to run again");
  const move = await finished(stage, before);
  const after = await podAfterMove(stage, next, before);
  facts.moved = {
    ...common,
    after,
    evicted: plan.evict.map(keyOf),
    left: left.map((each) => `pod ${keyOf(each)} is on ${node}`),
    claimAfter: boundClaim(view.snapshot, after),
    move,
  };
  timeline.say(whatHappened(facts.moved));
  timeline.act(`kubectl uncordon ${node}`);
  await setUnschedulable(client, node, false, signal);
}

function isInPlaceOf(pod: Pod, before: Pod): boolean {
  const claims = claimKeysOf(before);
  return claimKeysOf(pod).some((claim) => claims.includes(claim));
}

/** The claim's UID and the volume it is bound to, as one text. */
function boundClaim({ claims }: ClusterSnapshot, pod: PodFacts): string | undefined {
  const claim = claims.find((each) => keyOf(each) === pod.claim);
  return claim === undefined ? undefined : `${uidOf(claim)} bound to ${claim.spec?.volumeName ?? "nothing"}`;
}

/** The move of the pod's volume, once it is done; undefined when there was none. */
async function finished(stage: Stage, { claim }: PodFacts): Promise<MovedFacts["move"]> {
  const volume = stage.view.snapshot.claims.find((each) => keyOf(each) === claim)?.spec?.volumeName;
  const movesOf = ({ moves }: ClusterSnapshot): readonly VolumeMove[] =>
    moves.filter(({ spec }) => spec.volumes.some(({ name }) => name === volume));
  if (movesOf(stage.view.snapshot).length === 0) return undefined;
  // The downtime appears in the status shortly after the pod has its volume. A move without pods
  // has none: its pods were gone when it began.
  const { metadata, status } = await until(stage, "the move to be done, with its downtime", (snapshot) =>
    movesOf(snapshot).find(
      (each) =>
        each.status?.downtime !== undefined || (each.status?.phase === "Done" && each.status.pods?.length === 0),
    ),
  );
  const { kubelets, ours } = status?.downtime ?? {};
  const seconds = (text: string): number => Number.parseFloat(text);
  return {
    name: metadata?.name ?? "",
    phase: status?.phase,
    downtimeSeconds: ours === undefined || kubelets === undefined ? undefined : seconds(ours) + seconds(kubelets),
  };
}

/** The pod after the move. With the built-in workload, waits until it has written another line. */
async function podAfterMove(stage: Stage, pod: Pod, before: PodFacts): Promise<PodFacts> {
  const { clock, facts, signal, timeoutMs, view } = stage;
  const end = clock.monotonic() + timeoutMs;
  for (;;) {
    const { volumes } = await gatherRunning(view.snapshot, facts.nodes);
    const now = await podFacts(pod, volumes);
    const writes = now.journal?.endsWith(` on ${now.node}\n`) === true && now.node !== before.node;
    if (!facts.builtIn || writes || clock.monotonic() > end) return { ...now, ready: true };
    await clock.sleep(50, signal);
  }
}

function whatHappened({ after, before, held, move, node }: MovedFacts): string {
  if (after === undefined) return "";
  const lines = (text: string | undefined): string => String((text ?? "").split("\n").length - 1);
  const count = (text: string | undefined): string => `${lines(text)} lines`;
  const journal =
    after.journal === undefined
      ? ""
      : `: the journal had ${count(before.journal)} when the drain began, and goes on (${lines(after.journal)} now)`;
  const told = [
    held.length === 0
      ? ""
      : `  The API server held the eviction ${held.length === 1 ? "once" : `${String(held.length)} times`}, until the data was safe.`,
    `  Pod ${after.key} went from ${node} to ${after.node} with its claim, its volume and its data${journal}.`,
    move?.downtimeSeconds === undefined
      ? ""
      : `  Downtime: ${move.downtimeSeconds.toFixed(1)} s, from the last unmount on ${node} to the mount on ${after.node} (VolumeMove ${move.name}).`,
  ];
  return told.filter((line) => line !== "").join("\n");
}
