import { CANARY_ANNOTATION } from "../../../api/names.ts";
import { PV_NODE } from "../../../classic/names.ts";
import type { PersistentVolume } from "../../../kube/kinds.ts";
import { before, nameOf, short, type Describe, type Line } from "../line.ts";

/** The life of a PersistentVolume: made, released, deleted. */
export const describeVolume: Describe<PersistentVolume> = (change) => {
  const { type, object: volume } = change;
  const { name = "", annotations = {} } = volume.metadata ?? {};
  if (annotations[CANARY_ANNOTATION] !== undefined) return [];
  if (type === "deleted") return [{ actor: "provisioner", text: `deleted volume ${short(name)}` }];
  const old = before(change);
  const lines: Line[] = [];
  if (old === undefined) {
    const node = annotations[PV_NODE];
    const claim = volume.spec?.claimRef;
    const place = node === undefined || node === "" ? "" : `: a directory on ${node}`;
    const whose = claim === undefined ? "" : ` for claim ${nameOf({ metadata: claim })}`;
    lines.push({ actor: "provisioner", text: `made volume ${short(name)}${whose}${place}` });
  }
  const phase = volume.status?.phase;
  if (phase !== old?.status?.phase) {
    if (phase === "Released") lines.push({ actor: "binder", text: `volume ${short(name)} is Released` });
    if (phase === "Failed") {
      lines.push({
        actor: "binder",
        text: `volume ${short(name)}: ${volume.status?.message ?? "Failed"}`,
        tone: "bad",
      });
    }
  }
  return lines;
};
