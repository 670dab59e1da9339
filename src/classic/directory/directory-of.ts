import type { Node, PersistentVolume } from "../../kube/kinds.ts";
import { classicErrors } from "../errors.ts";
import { PV_NODE } from "../names.ts";
import { clean } from "./paths.ts";

/**
 * The node that a PersistentVolume names, as its annotation and node affinity say it. Volumes of
 * every version of local-path-provisioner count. The annotation exists since v0.0.25. The value in
 * the affinity is the node's name (before v0.0.20) or its label; the key may be a custom label
 * (since v0.0.35); v0.0.29 wrote matchFields.
 */
export interface VolumeTopology {
  /** The annotation; undefined when it is missing or empty. */
  readonly annotated: string | undefined;
  /** matchFields metadata.name. */
  readonly named: string | undefined;
  /** The first expression with operator In, of the one term there is. */
  readonly label: { readonly key: string; readonly values: readonly string[] } | undefined;
  /** Any of them fits; a volume on a shared file system has none. */
  readonly terms: readonly NodeSelectorTerm[];
  readonly affinity: "missing" | "not required" | "given";
  /** When the PersistentVolume was made (milliseconds); undefined when it does not say. */
  readonly madeAt: number | undefined;
}

type NodeSelectorTerm = NonNullable<
  NonNullable<NonNullable<PersistentVolume["spec"]>["nodeAffinity"]>["required"]
>["nodeSelectorTerms"][number];

export function topologyOf(volume: PersistentVolume): VolumeTopology {
  const affinity = volume.spec?.nodeAffinity;
  const terms = affinity?.required?.nodeSelectorTerms ?? [];
  // With several terms the affinity names several nodes, and so no single one.
  const term = terms.length === 1 ? terms[0] : undefined;
  const named = term?.matchFields?.find(({ key, operator }) => key === NAME_FIELD && operator === "In")?.values ?? [];
  const expression = term?.matchExpressions?.find(({ operator }) => operator === "In");
  const annotated = volume.metadata?.annotations?.[PV_NODE];
  return {
    annotated: annotated === "" ? undefined : annotated,
    named: named.length === 1 ? named[0] : undefined,
    label: expression === undefined ? undefined : { key: expression.key, values: expression.values ?? [] },
    terms,
    affinity: affinity === undefined ? "missing" : affinity.required === undefined ? "not required" : "given",
    madeAt: creationOf(volume),
  };
}

/** The path of hostPath or local; undefined unless exactly one of them is set. */
export function directoryOf(volume: PersistentVolume): string | undefined {
  const hostPath = volume.spec?.hostPath?.path;
  const local = volume.spec?.local?.path;
  if ((hostPath === undefined) === (local === undefined)) return undefined;
  return clean(hostPath ?? local ?? "");
}

export type NodeAnswer =
  { readonly found: "node"; readonly node: Node } | { readonly found: "none"; readonly wanted: string };

/**
 * The node that has the directory: from the annotation, else matchFields, else by label. Throws the
 * original's errors for a volume that names no node at all, or several.
 *
 * If the annotated node is gone, its disk may be in a new machine that has the label of the
 * affinity: a nodeAffinityKey is for that. But a label's value may also be on several nodes. Then
 * another of them has the label and not the directory: a teardown there finds nothing and succeeds,
 * and the PersistentVolume is deleted. So another node with the label counts only if it is the only
 * one, it joined the cluster after the volume was made, and the annotated node is gone. Otherwise
 * throws CLASSIC_LABEL_MOVED or CLASSIC_SEVERAL_NODES.
 */
export function nodeOf(topology: VolumeTopology, nodes: Iterable<Node>): NodeAnswer {
  const all = [...nodes];
  const byName = (name: string | undefined): Node | undefined => all.find((node) => node.metadata?.name === name);
  const fixed = topology.annotated ?? topology.named;
  const { label } = topology;
  const value = label?.values.length === 1 ? label.values[0] : undefined;
  const labelled =
    label === undefined || value === undefined ? [] : all.filter((node) => carries(node, label.key, value));

  const own = fixed === undefined ? undefined : byName(fixed);
  if (own !== undefined && (labelled.length === 0 || labelled.includes(own))) return { found: "node", node: own };
  const [first, ...others] = labelled;
  if (first !== undefined && label !== undefined && value !== undefined) {
    const { key } = label;
    if (others.length > 0) {
      if (own !== undefined) return { found: "node", node: own };
      throw classicErrors.SEVERAL_NODES({ key, value, nodes: labelled.map(({ metadata }) => metadata?.name ?? "") });
    }
    if (fixed !== undefined && (own !== undefined || !isNewerThan(topology, first))) {
      throw classicErrors.LABEL_MOVED({ made: fixed, key, value, now: first.metadata?.name ?? "" });
    }
    return { found: "node", node: first };
  }
  if (fixed !== undefined) return { found: "none", wanted: fixed };

  if (topology.affinity === "missing") throw classicErrors.NO_AFFINITY({});
  if (topology.affinity === "not required") throw classicErrors.NO_AFFINITY_REQUIRED({});
  if (label === undefined || value === "") throw classicErrors.NO_AFFINITED_NODE({});
  if (value === undefined) throw classicErrors.SEVERAL_VALUES({});
  // A node that did not have the label when the volume was made is matched by its name.
  const named = byName(value);
  if (named !== undefined && named.metadata?.labels?.[label.key] === undefined) return { found: "node", node: named };
  if (named !== undefined && label.key === "kubernetes.io/hostname") return { found: "node", node: named };
  return { found: "none", wanted: value };
}

/**
 * Whether the directory can be on this node, as far as the volume says. Used to find out whether
 * two volumes share a directory, where a wrong yes only keeps data. Without an affinity it can be
 * on every node: a volume on a shared file system names only the node whose helper made it.
 */
export function mayLieOn({ annotated, terms, affinity }: VolumeTopology, node: Node): boolean {
  if (affinity !== "given" || (annotated !== undefined && annotated === node.metadata?.name)) return true;
  return terms.some((term) => mayFit(term, node));
}

/**
 * An expression that is not understood counts as a match. Older volumes have the node's name where
 * newer ones have its label.
 */
function mayFit(term: NodeSelectorTerm, node: Node): boolean {
  const name = node.metadata?.name ?? "";
  const fields = term.matchFields ?? [];
  const expressions = term.matchExpressions ?? [];
  return (
    fields.every(
      ({ key, operator, values = [] }) => key !== NAME_FIELD || operator !== "In" || values.includes(name),
    ) &&
    expressions.every(
      ({ key, operator, values = [] }) =>
        operator !== "In" || values.some((value) => carries(node, key, value) || value === name),
    )
  );
}

/** Whether a node joined the cluster after the volume was made. */
function isNewerThan({ madeAt }: VolumeTopology, node: Node): boolean {
  const joinedAt = creationOf(node);
  return madeAt !== undefined && joinedAt !== undefined && joinedAt > madeAt;
}

function creationOf({ metadata }: Node | PersistentVolume): number | undefined {
  return metadata?.creationTimestamp === undefined ? undefined : Date.parse(metadata.creationTimestamp);
}

function carries(node: Node, key: string, value: string): boolean {
  return node.metadata?.labels?.[key] === value;
}

const NAME_FIELD = "metadata.name";

/**
 * How long a volume whose node is gone stays Released: a node may come back from repair, and its
 * disk with it.
 */
export const NODE_PATIENCE_MS = 24 * 60 * 60 * 1000;

/**
 * Since when the volume is Released: the API server's own time stamp (Kubernetes 1.31 and newer),
 * else when this process saw it first.
 */
export function releasedSince(volume: PersistentVolume, firstSeen: number): number {
  const status: { phase?: string; lastPhaseTransitionTime?: string } = volume.status ?? {};
  if (status.phase !== "Released" || status.lastPhaseTransitionTime === undefined) return firstSeen;
  const at = Date.parse(status.lastPhaseTransitionTime);
  return Number.isNaN(at) ? firstSeen : at;
}
