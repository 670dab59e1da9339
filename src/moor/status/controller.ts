/* Whether Mooring's controller works: its pods, and its leader. */
import type { Lease, Pod } from "../../kube/kinds.ts";
import { namespaceOf, type Stored } from "../../kube/objects.ts";

export interface ControllerStatus {
  readonly pods: number;
  readonly readyPods: number;
  readonly leader?: string;
  readonly renewedAt?: string;
  /** Why the controller makes and moves nothing now. */
  readonly trouble?: string;
}

/** A leader renews its Lease every two seconds. The rest is tolerance for clocks that differ. */
const SILENT_MS = 60_000;

const LABELS = { "app.kubernetes.io/name": "mooring", "app.kubernetes.io/component": "controller" };

/** The pods that run the controller, wherever it is installed. */
export function controllerPods(pods: readonly Stored<Pod>[]): readonly Stored<Pod>[] {
  return pods.filter(({ metadata }) =>
    Object.entries(LABELS).every(([key, value]) => metadata.labels?.[key] === value),
  );
}

/** The namespace of the controller; `mooring` when no controller runs. */
export function controllerNamespace(pods: readonly Stored<Pod>[]): string {
  const [first] = controllerPods(pods);
  return first === undefined ? "mooring" : namespaceOf(first);
}

export function controllerStatus(
  pods: readonly Stored<Pod>[],
  lease: Lease | undefined,
  now: number,
): ControllerStatus {
  const mine = controllerPods(pods);
  const { holderIdentity, renewTime } = lease?.spec ?? {};
  const trouble = whyIdle(holderIdentity, renewTime, now);
  return {
    pods: mine.length,
    readyPods: mine.filter(({ status }) => isReady(status)).length,
    ...(holderIdentity === undefined || holderIdentity === "" ? {} : { leader: holderIdentity }),
    ...(renewTime === undefined ? {} : { renewedAt: renewTime }),
    ...(trouble === undefined ? {} : { trouble }),
  };
}

function whyIdle(holder: string | undefined, renewTime: string | undefined, now: number): string | undefined {
  if (holder === undefined || holder === "") return "no controller leads";
  const renewed = Date.parse(renewTime ?? "");
  if (now - renewed < SILENT_MS) return undefined;
  return `its leader ${holder} was last seen at ${renewTime ?? "an unknown time"}`;
}

function isReady(status: Pod["status"]): boolean {
  return status?.conditions?.some(({ status: is, type }) => type === "Ready" && is === "True") === true;
}
