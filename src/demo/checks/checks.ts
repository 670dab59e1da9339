import { PV_NODE } from "../../classic/names.ts";
import { keyOf } from "../../kube/objects.ts";
import { PROVISIONER } from "../product.ts";
import type { DrainFacts, Facts, MovedFacts, RunningFacts, VolumeFacts } from "./facts.ts";
import { journalProblems, movedJournalProblems } from "./journal.ts";
import { shapeProblems } from "./volume-shape.ts";

/** One thing that must hold. */
export interface Check {
  readonly check: string;
  readonly ok: boolean;
  /** Why not: which object, and what is wrong with it. */
  readonly why?: string;
}

/** Evaluates the checks. A check whose step was not reached fails. Pure. */
export function judge(facts: Facts): Check[] {
  const { running, drain, moved, removed, builtIn, movable = false, directoryGone, processesLeft = [] } = facts;
  const stopped = facts.stoppedBy ?? "the step was not reached";
  const checks: Check[] = [];
  const add = (check: string, problems: readonly string[]): void => {
    checks.push(problems.length === 0 ? { check, ok: true } : { check, ok: false, why: problems.join("; ") });
  };
  add("every pod is Ready", running === undefined ? [stopped] : running.unsettled);
  if (running !== undefined) {
    add("every claim is Bound", boundProblems(running));
    // Only for the built-in manifest: other StorageClasses may make volumes differently.
    if (builtIn && !movable) {
      add("every volume is as local-path-provisioner makes it", running.volumes.flatMap(volumeProblems));
    }
    add("every volume's directory is on its node and on no other", running.volumes.flatMap(placeProblems));
    if (builtIn) add("every pod writes its files into its directory", writingProblems(running));
  }
  if (moved !== undefined && moved.refused.length === 0) {
    add("no pod is left on the drained node", moved.left);
    add("the pod is Ready on another node", elsewhereProblems(moved));
    add("it has the same claim and the same volume", sameClaimProblems(moved));
    if (builtIn) add("its data came with it, whole, and it goes on", dataProblems(moved));
    add("the eviction was held until the data was safe", heldProblems(moved));
  }
  if (drain !== undefined && drain.refused.length === 0) {
    add("no pod is left on the drained node", drain.left);
    add("the pod waits, and the scheduler says why", waitingProblems(drain, facts.nodes.length));
    add("its files stay while it waits", keptProblems(drain, running));
    add(
      "back on its node, it goes on with its data",
      facts.back === undefined ? [stopped] : returnProblems(facts, drain),
    );
  } else if (drain === undefined && moved === undefined && (builtIn || facts.stoppedBy !== undefined)) {
    add("a node can be drained", [stopped]);
  }
  if (removed !== undefined) {
    const { claims, volumes, helperPods, directories } = removed;
    add(
      "claims, volumes and their directories are removed",
      [...claims, ...volumes, ...helperPods, ...directories].map((each) => `${each} is still there`),
    );
  } else if (facts.stoppedBy !== undefined) add("claims, volumes and their directories are removed", [stopped]);
  if (directoryGone !== undefined) {
    add("no process and no directory is left on this machine", [
      ...(directoryGone ? [] : ["the demo's directory is still there"]),
      ...processesLeft.map((pid) => `process ${String(pid)}, which a container has started, does not end`),
    ]);
  }
  return checks;
}

function boundProblems({ volumes, pods }: RunningFacts): string[] {
  const used = new Set(pods.flatMap(({ claim }) => claim ?? []));
  return volumes
    .filter(({ claim }) => claim.status?.phase !== "Bound" && used.has(keyOf(claim)))
    .map(({ claim }) => `claim ${keyOf(claim)} is ${claim.status?.phase ?? "without a phase"}`);
}

function volumeProblems({ claim, volume }: VolumeFacts): string[] {
  if (volume === undefined) return [`claim ${keyOf(claim)} has none`];
  const node = volume.metadata?.annotations?.[PV_NODE] ?? "";
  return shapeProblems(claim, volume, node).map((problem) => `${volume.metadata?.name ?? ""}: ${problem}`);
}

function elsewhereProblems({ after, before, node }: MovedFacts): string[] {
  if (after === undefined) return [`no pod came in place of ${before.key}`];
  if (after.uid === before.uid) return [`pod ${after.key} is the same as before`];
  if (after.node === node) return [`pod ${after.key} is on ${node} again`];
  return after.ready ? [] : [`pod ${after.key} is not Ready`];
}

function sameClaimProblems({ claimAfter, claimBefore }: MovedFacts): string[] {
  if (claimBefore !== undefined && claimBefore === claimAfter) return [];
  return [`it was claim ${claimBefore ?? "none"}, and is ${claimAfter ?? "none"}`];
}

function dataProblems({ after, before, node }: MovedFacts): string[] {
  const [was, now] = [before.journal ?? "", after?.journal ?? ""];
  if (after === undefined || was === "") return [`there is no journal of pod ${before.key} to compare`];
  if (!now.startsWith(was)) return [`the journal of pod ${after.key} does not begin as it was`];
  const name = after.key.slice(after.key.indexOf("/") + 1);
  return movedJournalProblems(now, name, node, after.node).map(
    (problem) => `the journal of pod ${after.key}: ${problem}`,
  );
}

function heldProblems({ before, held, move }: MovedFacts): string[] {
  if (move === undefined) return [`no VolumeMove names the volume of pod ${before.key}`];
  const problems = held.length === 0 ? ["no eviction was held"] : [];
  return move.phase === "Done" ? problems : [...problems, `VolumeMove ${move.name} is ${move.phase ?? "new"}`];
}

function placeProblems({ volume, directory, foundOn }: VolumeFacts): string[] {
  if (volume?.spec?.csi !== undefined) {
    return foundOn.length === 1 ? [] : [`${volume.metadata?.name ?? ""} is on ${foundOn.join(", ") || "no node"}`];
  }
  if (volume === undefined || volume.metadata?.annotations?.["pv.kubernetes.io/provisioned-by"] !== PROVISIONER)
    return [];
  const node = volume.metadata.annotations[PV_NODE] ?? "";
  if (foundOn.length === 1 && foundOn[0] === node) return [];
  const where = foundOn.length === 0 ? "nowhere" : `on ${foundOn.join(", ")}`;
  return [`${directory ?? volume.metadata.name ?? ""} should be on ${node} and is ${where}`];
}

function writingProblems({ pods }: RunningFacts): string[] {
  if (pods.length === 0) return ["there is no pod"];
  return pods.flatMap(({ key, node, journal }) => {
    const name = key.slice(key.indexOf("/") + 1);
    const problems = journal === undefined ? ["there is none"] : journalProblems(journal, name, node);
    return problems.map((problem) => `the journal of pod ${key}: ${problem}`);
  });
}

/** The message counts the other nodes only when there are any. */
function waitingProblems({ after, node }: DrainFacts, nodes: number): string[] {
  if (after === undefined) return ["no pod came in its place"];
  const { key, phase, message = "" } = after;
  if (after.node !== undefined) return [`pod ${key} runs on ${after.node}, although its volume is on ${node}`];
  if (phase !== "Pending") return [`pod ${key} is ${phase} and not Pending`];
  const words = ["1 node(s) were unschedulable"];
  if (nodes > 1) words.push(`${String(nodes - 1)} node(s) didn't match PersistentVolume's node affinity`);
  return words.filter((each) => !message.includes(each)).map((each) => `pod ${key}: "${each}" is not in "${message}"`);
}

function keptProblems({ pod, files, journal }: DrainFacts, running: RunningFacts | undefined): string[] {
  const claim = running?.volumes.find((volume) => keyOf(volume.claim) === pod.claim);
  const names = new Set(files.map(({ name }) => name));
  const lost = (claim?.files ?? []).filter(({ name }) => !names.has(name)).map(({ name }) => `file ${name} is gone`);
  if (pod.journal === undefined || journal?.startsWith(pod.journal) === true) return lost;
  return [...lost, `the journal of pod ${pod.key} is not what it was`];
}

function returnProblems({ back, builtIn }: Facts, { pod, journal }: DrainFacts): string[] {
  if (back === undefined) return ["it did not come back"];
  const problems: string[] = [];
  if (!back.ready) problems.push(`pod ${back.key} is not Ready`);
  if (back.node !== pod.node) problems.push(`pod ${back.key} is on ${back.node} and not on ${pod.node}`);
  if (back.uid === pod.uid) problems.push(`pod ${back.key} is the same as before`);
  if (!builtIn) return problems;
  const now = back.journal ?? "";
  if (journal === undefined || !now.startsWith(journal))
    problems.push(`the journal of pod ${back.key} does not begin as it was`);
  else if (now.length === journal.length) problems.push(`the journal of pod ${back.key} does not go on`);
  const name = back.key.slice(back.key.indexOf("/") + 1);
  return [
    ...problems,
    ...journalProblems(now, name, back.node).map((problem) => `the journal of pod ${back.key}: ${problem}`),
  ];
}
