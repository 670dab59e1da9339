import { keyOf } from "../kube/objects.ts";
import type { Check } from "./checks/checks.ts";
import type { Facts } from "./checks/facts.ts";

/** The report for people: one line per check, and a summary. */
export function reportText(checks: readonly Check[], seconds: number): string {
  const lines = checks.map(
    ({ check, ok, why }) => `  ${ok ? "ok    " : "FAILED"}  ${check}${why === undefined ? "" : `: ${why}`}`,
  );
  const failed = checks.filter(({ ok }) => !ok).length;
  const sum =
    failed === 0
      ? `All ${String(checks.length)} checks hold. ${seconds.toFixed(1)} s.`
      : `${String(failed)} of ${String(checks.length)} checks failed. ${seconds.toFixed(1)} s.`;
  return [...lines, "", sum].join("\n");
}

/** The same for programs: one document. */
export function reportJson(
  facts: Facts,
  checks: readonly Check[],
  more: { readonly seconds: number; readonly kubeconfig?: string | undefined },
): object {
  const { nodes, running, drain, moved, back, removed, stoppedBy } = facts;
  return {
    ok: checks.every(({ ok }) => ok),
    seconds: Number(more.seconds.toFixed(3)),
    ...(more.kubeconfig === undefined ? {} : { kubeconfig: more.kubeconfig }),
    ...(stoppedBy === undefined ? {} : { stoppedBy }),
    nodes,
    pods: (running?.pods ?? []).map(({ key, node, ready, claim }) => ({ pod: key, node, ready, claim })),
    volumes: (running?.volumes ?? []).map(({ claim, volume, directory, foundOn, files }) => ({
      claim: keyOf(claim),
      phase: claim.status?.phase,
      volume: volume?.metadata?.name,
      path: volume?.spec?.hostPath?.path ?? volume?.spec?.local?.path,
      nodes: foundOn,
      directory,
      files,
    })),
    ...(drain === undefined
      ? {}
      : {
          drain: {
            node: drain.node,
            pod: drain.pod.key,
            refused: drain.refused,
            evicted: drain.evicted,
            after: drain.after,
          },
        }),
    ...(moved === undefined
      ? {}
      : {
          moved: {
            pod: moved.before.key,
            from: moved.node,
            to: moved.after?.node,
            refused: moved.refused,
            evicted: moved.evicted,
            held: moved.held.length,
            move: moved.move,
          },
        }),
    ...(back === undefined ? {} : { back: { pod: back.key, node: back.node, ready: back.ready } }),
    ...(removed === undefined ? {} : { removed }),
    checks,
  };
}
