import type { Informer } from "../../kube/watch/informer.ts";
import type { KubeObject } from "../../kube/objects.ts";
import type { ClusterView } from "../cluster/view.ts";
import { describeClaim } from "./describe/describe-claim.ts";
import { describeClass } from "./describe/describe-class.ts";
import { describeEvent } from "./describe/describe-event.ts";
import { describeLease } from "./describe/describe-lease.ts";
import { describeMade } from "./describe/describe-made.ts";
import { describeMove } from "./describe/describe-move.ts";
import { describeNode } from "./describe/describe-node.ts";
import { describePod } from "./describe/describe-pod.ts";
import { describeVolume } from "./describe/describe-volume.ts";
import type { Describe } from "./line.ts";
import type { Timeline } from "./timeline.ts";

/** Tells the timeline of everything that the view sees. To be called before the view runs. */
export function follow(view: ClusterView, timeline: Timeline): void {
  const tell = <T extends KubeObject>(informer: Informer<T>, describe: Describe<T>): void => {
    informer.onChange((change) => {
      timeline.record(describe(change), change.object.metadata?.resourceVersion);
    });
  };
  tell(view.nodes, describeNode);
  tell(view.pods, describePod);
  tell(view.claims, describeClaim);
  tell(view.volumes, describeVolume);
  tell(view.events, describeEvent);
  tell(view.leases, describeLease);
  tell(view.moves, describeMove);
  tell(view.classes, describeClass);
  tell(view.statefulSets, describeMade("StatefulSet"));
  tell(view.deployments, describeMade("Deployment"));
}
