import type { PodSpec } from "kubernetes-types/core/v1.js";
import type { LabelSelector } from "kubernetes-types/meta/v1.js";
import type { LabObject } from "../../../store/object.ts";
import { formatLabelSelector } from "../../select/label-selector.ts";
import { ageColumn, column, nameColumn, wide, type Column } from "./column.ts";

interface Workload {
  readonly spec?: {
    readonly replicas?: number;
    readonly selector?: LabelSelector;
    readonly template?: { readonly spec?: PodSpec };
  };
  readonly status?: Readonly<Record<string, unknown>>;
}

const workload = (object: LabObject): Workload => object as unknown as Workload;
const figure = (object: LabObject, field: string): number => Number(workload(object).status?.[field] ?? 0);
const count = (name: string, field: string): Column =>
  column(name, (object) => figure(object, field), { type: "integer" });
const wanted = (object: LabObject): number => workload(object).spec?.replicas ?? 0;
const ready = column("Ready", (object) => `${String(figure(object, "readyReplicas"))}/${String(wanted(object))}`);

const containers = (object: LabObject): PodSpec["containers"] =>
  workload(object).spec?.template?.spec?.containers ?? [];
const whats: readonly Column[] = [
  wide("Containers", (object) =>
    containers(object)
      .map(({ name }) => name)
      .join(","),
  ),
  wide("Images", (object) =>
    containers(object)
      .map(({ image }) => image ?? "")
      .join(","),
  ),
];
const selector = wide("Selector", (object) => formatLabelSelector(workload(object).spec?.selector ?? {}));

export const deploymentColumns: readonly Column[] = [
  nameColumn,
  ready,
  column("Up-to-date", (object) => figure(object, "updatedReplicas")),
  column("Available", (object) => figure(object, "availableReplicas")),
  ageColumn,
  ...whats,
  selector,
];

export const replicaSetColumns: readonly Column[] = [
  nameColumn,
  column("Desired", wanted, { type: "integer" }),
  count("Current", "replicas"),
  count("Ready", "readyReplicas"),
  ageColumn,
  ...whats,
  selector,
];

export const statefulSetColumns: readonly Column[] = [nameColumn, ready, ageColumn, ...whats];

export const daemonSetColumns: readonly Column[] = [
  nameColumn,
  count("Desired", "desiredNumberScheduled"),
  count("Current", "currentNumberScheduled"),
  count("Ready", "numberReady"),
  count("Up-to-date", "updatedNumberScheduled"),
  count("Available", "numberAvailable"),
  column("Node Selector", (object) => {
    const labels = Object.entries(workload(object).spec?.template?.spec?.nodeSelector ?? {});
    return labels.map(([key, value]) => `${key}=${value}`).join(",") || "<none>";
  }),
  ageColumn,
  ...whats,
  selector,
];

export const controllerRevisionColumns: readonly Column[] = [
  nameColumn,
  column("Controller", ({ metadata }) => {
    const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
    return owner === undefined ? "<none>" : `${owner.kind.toLowerCase()}/${owner.name}`;
  }),
  column("Revision", (object) => object["revision"] ?? 0, { type: "integer" }),
  ageColumn,
];
