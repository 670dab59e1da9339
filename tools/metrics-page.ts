import { Registry } from "prom-client";
import { KubeMetrics } from "../src/kube/metrics.ts";
import { classicMetrics } from "../src/programs/classic/metrics.ts";
import { provisionMetrics } from "../src/provision/metrics.ts";

/** What the programs record as events, by the object that `kubectl describe` shows it on. */
export const EVENTS: readonly (readonly [on: string, reasons: Readonly<Record<string, string>>])[] = [
  [
    "PersistentVolumeClaim",
    {
      Provisioning: "its volume is being made; or a volume populator is waited for",
      ProvisioningSucceeded: "its volume is made",
      ProvisioningFailed: "why it could not be made, or why the scheduler is asked for another node",
      HelperPodStuck: "classic: why its helper pod makes no progress",
      VolumeClaimedByAnother:
        "the volume that it names belongs to an earlier claim of its name; how to give the volume to this one",
      ExpressBindOff: "the API server refuses our canary; claims are bound by kube-controller-manager",
    },
  ],
  [
    "PersistentVolume",
    {
      VolumeFailedDelete: "why its data could not be removed",
      VolumeDeleteWaiting: "what the removal waits for",
      VolumeClaimedByAnother:
        "its claim is gone, but the present claim of that name asks for it, so its data is not removed",
      VolumeDataKept: "the volume is gone, and its data was kept on purpose; also on the node",
    },
  ],
  [
    "ConfigMap (classic)",
    {
      ConfigReloaded: "a changed config.json is in force",
      ConfigReloadFailed: "a changed config.json is wrong; the last good one stays",
      ConfigUnmatched: "it names a node or a nodePath that is not there, or does not name a class that is",
      HelperPodReloaded: "a changed helperPod.yaml is in force",
      HelperPodReloadFailed:
        "a changed helperPod.yaml is wrong, and the last good one stays; or the API server refuses the one at start",
    },
  ],
  [
    "VolumeMove; the same on the pods, claims and nodes that it concerns",
    {
      "Move<Phase>": "the move has entered that phase (MoveFenced, MoveCommitted, MoveCancelled …)",
      MoveWaits: "what it waits for, and which command ends it",
      LivePassEnded:
        "what a live pass has read and sent, and how long the final pass would take now; only on the VolumeMove, at most one for each pass",
      LongDowntime:
        "the live passes have ended, and the pods will probably be down for longer than maxDowntime: for how long, and why; on the VolumeMove and the claims, once",
      SchedulerNotHeard: "why the scheduler could not be asked for a target; only on the VolumeMove",
    },
  ],
  [
    "Node",
    {
      MoveNotMade: "volumes of the node are to leave, and the API server refuses their VolumeMove: why",
    },
  ],
  [
    "Pod",
    {
      VolumeElsewhere: "it was put on a node without its volume, and is deleted to be made again",
      VolumesApart: "its volumes are on different nodes, so that none can run it",
    },
  ],
  [
    "LocalVolume",
    {
      RemovingData: "on which nodes its data is still being removed",
      DataNotRemoved: "what an agent cannot remove of it, or of its old copies, and why",
      DataKept: "it was deleted by hand, which removes no data",
    },
  ],
];

/** The page of metrics and events. */
export async function metricsPage(): Promise<string> {
  const registry = new Registry();
  new KubeMetrics(registry);
  provisionMetrics(registry);
  classicMetrics(registry);
  const metrics = (await registry.getMetricsAsJSON()).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return [
    "# Metrics and events",
    "",
    "Made from the sources (`npm run generate`).",
    "",
    "## Metrics",
    "",
    "Every controller and every classic provisioner serves them at `/metrics`, in Prometheus' text format. Those of queues, reconciles, watches and leases have the names that client-go and controller-runtime use. An agent serves those of queues, reconciles, watches and requests.",
    "",
    ...metrics.map(({ help, name, type }) => `- **\`${name}\`** (${String(type)}): ${help}`),
    "",
    "## Events",
    "",
    "They expire after an hour, as all events do. Errors in them have their code in the log ([errors.md](errors.md)).",
    "",
    ...EVENTS.flatMap(([on, reasons]) => [
      `On a ${on}:`,
      "",
      ...Object.entries(reasons).map(([reason, what]) => `- **\`${reason}\`**: ${what}.`),
      "",
    ]),
  ].join("\n");
}
