import type { Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { MachineLab } from "../../lab/index.ts";
import type { Facts } from "../checks/facts.ts";
import type { ManifestObject } from "../cluster/manifest.ts";
import type { ClusterSnapshot, ClusterView } from "../cluster/view.ts";
import type { Product } from "../product.ts";
import type { Timeline } from "../timeline/timeline.ts";

/** What every act of the story gets. */
export interface Stage {
  readonly client: KubeClient;
  readonly lab: Pick<MachineLab, "addressOf">;
  readonly clock: Clock;
  readonly view: ClusterView;
  readonly timeline: Timeline;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Filled in as the story goes. */
  readonly facts: Facts;
  readonly product: Product;
  /** The shipped manifests. */
  readonly productObjects: readonly ManifestObject[];
  /** Starts the agents in place of the manifests' DaemonSet; undefined if there is none. */
  readonly startAgents: (() => Promise<void>) | undefined;
  /** What the user wants to see run. */
  readonly workload: { readonly title: string; readonly objects: readonly ManifestObject[] };
}

/** Waits until `look` returns something. */
export function until<T>(
  { view, timeoutMs, signal }: Stage,
  what: string,
  look: (snapshot: ClusterSnapshot) => T | undefined,
): Promise<T> {
  return view.until(what, look, timeoutMs, signal);
}
