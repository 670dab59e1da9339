import type { ConfigMap, Event, Node, Secret, Service } from "kubernetes-types/core/v1.js";
import type { Lease } from "kubernetes-types/coordination/v1.js";
import type { LabObject } from "../../../store/object.ts";
import { ageColumn, column, nameColumn, since, wide, type Column } from "./column.ts";

export const namespaceColumns: readonly Column[] = [
  nameColumn,
  column("Status", (object) => (object["status"] as { phase?: string } | undefined)?.phase ?? ""),
  ageColumn,
];

export const configMapColumns: readonly Column[] = [
  nameColumn,
  column("Data", (object) => {
    const { data = {}, binaryData = {} } = object as unknown as ConfigMap;
    return Object.keys(data).length + Object.keys(binaryData).length;
  }),
  ageColumn,
];

export const secretColumns: readonly Column[] = [
  nameColumn,
  column("Type", (object) => (object as unknown as Secret).type ?? ""),
  column("Data", (object) => Object.keys((object as unknown as Secret).data ?? {}).length),
  ageColumn,
];

export const serviceAccountColumns: readonly Column[] = [nameColumn, ageColumn];

export const leaseColumns: readonly Column[] = [
  nameColumn,
  column("Holder", (object) => (object as unknown as Lease).spec?.holderIdentity ?? ""),
  ageColumn,
];

const node = (object: LabObject): Node => object as unknown as Node;
const address = (object: LabObject, type: string): string =>
  node(object).status?.addresses?.find((each) => each.type === type)?.address ?? "<none>";
const about = (object: LabObject): NonNullable<NonNullable<Node["status"]>["nodeInfo"]> | undefined =>
  node(object).status?.nodeInfo;
const ROLE = "node-role.kubernetes.io/";

export const nodeColumns: readonly Column[] = [
  nameColumn,
  column("Status", (object) => {
    const ready = node(object).status?.conditions?.find(({ type }) => type === "Ready");
    const word = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
    return node(object).spec?.unschedulable === true ? `${word},SchedulingDisabled` : word;
  }),
  column("Roles", ({ metadata }) => {
    const roles = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) =>
      key.startsWith(ROLE) && key !== ROLE
        ? [key.slice(ROLE.length)]
        : key === "kubernetes.io/role" && value !== ""
          ? [value]
          : [],
    );
    return roles.sort().join(",") || "<none>";
  }),
  ageColumn,
  column("Version", (object) => about(object)?.kubeletVersion ?? ""),
  wide("Internal-IP", (object) => address(object, "InternalIP")),
  wide("External-IP", (object) => address(object, "ExternalIP")),
  wide("OS-Image", (object) => about(object)?.osImage || "<unknown>"),
  wide("Kernel-Version", (object) => {
    const kernel = about(object)?.kernelVersion || "<unknown>";
    const architecture = about(object)?.architecture ?? "";
    return architecture === "" ? kernel : `${kernel} (${architecture})`;
  }),
  wide("Container-Runtime", (object) => about(object)?.containerRuntimeVersion || "<unknown>"),
];

const event = (object: LabObject): Event => object as unknown as Event;
const first = (object: LabObject): unknown => event(object).firstTimestamp ?? event(object).eventTime;

/** Events may come in the shape of either group. */
function eventField(object: LabObject, name: string, other: string): unknown {
  return object[name] ?? object[other];
}

function eventText(object: LabObject, name: string, other: string): string {
  const value = eventField(object, name, other);
  return typeof value === "string" ? value : "";
}

export const eventColumns: readonly Column[] = [
  column("Last Seen", (object, now) => {
    const series = event(object).series?.lastObservedTime;
    return since(series ?? eventField(object, "lastTimestamp", "deprecatedLastTimestamp") ?? first(object), now);
  }),
  column("Type", (object) => event(object).type ?? ""),
  column("Reason", (object) => event(object).reason ?? ""),
  column("Object", (object) => {
    const about = eventField(object, "involvedObject", "regarding") as Event["involvedObject"];
    return `${(about.kind ?? "").toLowerCase()}${(about.name ?? "") === "" ? "" : `/${about.name ?? ""}`}`;
  }),
  wide(
    "Subobject",
    (object) => (eventField(object, "involvedObject", "regarding") as Event["involvedObject"]).fieldPath ?? "",
  ),
  wide("Source", (object) => {
    const source = eventField(object, "source", "deprecatedSource") as Event["source"];
    const component = source?.component ?? eventText(object, "reportingComponent", "reportingController");
    const host = source?.host ?? event(object).reportingInstance ?? "";
    return host === "" ? component : `${component}, ${host}`;
  }),
  column("Message", (object) => eventText(object, "message", "note").trim()),
  wide("First Seen", (object, now) => since(first(object), now)),
  wide("Count", (object) => event(object).series?.count ?? event(object).count ?? 1),
  column("Name", (object) => object.metadata.name ?? "", { format: "name", priority: 1 }),
];

const service = (object: LabObject): NonNullable<Service["spec"]> => (object as unknown as Service).spec ?? {};

export const serviceColumns: readonly Column[] = [
  nameColumn,
  column("Type", (object) => service(object).type ?? ""),
  column("Cluster-IP", (object) => service(object).clusterIP ?? "<none>"),
  column("External-IP", (object) => (service(object).externalIPs ?? []).join(",") || "<none>"),
  column("Port(s)", (object) => {
    const ports = (service(object).ports ?? []).map(({ port, nodePort, protocol }) => {
      const outside = nodePort === undefined ? "" : `:${String(nodePort)}`;
      return `${String(port)}${outside}/${protocol ?? "TCP"}`;
    });
    return ports.join(",") || "<none>";
  }),
  ageColumn,
  wide("Selector", (object) => {
    const labels = Object.entries(service(object).selector ?? {});
    return labels.map(([key, value]) => `${key}=${value}`).join(",") || "<none>";
  }),
];
