import type { Location } from "../../directory/locations.ts";
import { overlaps } from "../../directory/paths.ts";
import type { HelperRecord } from "./record.ts";

/** Whether a pod works in a directory that is, contains or lies in this one. */
export function meets(record: Pick<HelperRecord, "node" | "path">, location: Location): boolean {
  return mayBeOnNodeOf(record, location) && record.path !== undefined && overlaps(record.path, location.path);
}

/** A pod without a node may still get any node. */
export function mayBeOnNodeOf({ node }: Pick<HelperRecord, "node">, location: Location): boolean {
  return node === "" || location.node === undefined || node === location.node;
}
