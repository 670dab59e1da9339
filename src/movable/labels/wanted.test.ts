import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AT_PREFIX, AWAY_PREFIX, HOSTNAME_LABEL, TEMPLATE_NODE_LABEL } from "../../api/names.ts";
import { affinityOf } from "../affinity.ts";
import { labelFor, planLabels, type LabelledNode, type PlacedVolume } from "./wanted.ts";

const node = (name: string, hostname: string | undefined, labels: Record<string, string> = {}): LabelledNode => ({
  name,
  hostname,
  labels,
});
const volume = (fields: Partial<PlacedVolume> = {}): PlacedVolume => ({
  name: "v",
  nodeName: "a",
  originHostname: "host-a",
  fenced: false,
  ...fields,
});

describe("which label a volume puts on a node", () => {
  test.each([
    ["none at home", volume(), node("a", "host-a"), undefined],
    ["none on a stranger", volume(), node("b", "host-b"), undefined],
    ["away on another node with the origin's hostname", volume(), node("a2", "host-a"), AWAY_PREFIX + "v"],
    ["away on the origin once it has moved", volume({ nodeName: "b" }), node("a", "host-a"), AWAY_PREFIX + "v"],
    ["at where it has moved to", volume({ nodeName: "b" }), node("b", "host-b"), AT_PREFIX + "v"],
    [
      "none where it has moved to, with the origin's hostname",
      volume({ nodeName: "a2" }),
      node("a2", "host-a"),
      undefined,
    ],
    ["away at home while it is fenced", volume({ fenced: true }), node("a", "host-a"), AWAY_PREFIX + "v"],
    [
      "none on the other node while it is fenced",
      volume({ nodeName: "b", fenced: true }),
      node("b", "host-b"),
      undefined,
    ],
    ["at on its node when that lost its hostname label", volume(), node("a", undefined), AT_PREFIX + "v"],
    ["at on its node when that has another hostname by now", volume(), node("a", "new"), AT_PREFIX + "v"],
  ])("%s", (_title, placed, on, expected) => {
    expect(labelFor(placed, on)).toBe(expected);
  });
});

/**
 * The scheduler's rule, written down once more: terms are alternatives, expressions of a term all
 * hold.
 */
function matches(of: PlacedVolume, on: { hostname: string | undefined; labels: Record<string, string> }): boolean {
  const labels: Record<string, string> = { ...on.labels };
  if (on.hostname !== undefined) labels[HOSTNAME_LABEL] = on.hostname;
  const terms = affinityOf(of.name, of.originHostname).required?.nodeSelectorTerms ?? [];
  return terms.some((term) =>
    (term.matchExpressions ?? []).every(({ key, operator, values }) => {
      const value = labels[key];
      if (operator === "In") return value !== undefined && values?.includes(value) === true;
      return operator === "Exists" ? value !== undefined : value === undefined;
    }),
  );
}

const hostnames = fc.constantFrom("host-a", "host-b", undefined);
const cluster = fc.record({
  nodes: fc.uniqueArray(
    fc.record({ name: fc.constantFrom("a", "b", "c", "d"), hostname: hostnames, tampered: fc.boolean() }),
    { selector: ({ name }) => name, minLength: 1 },
  ),
  volumes: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom("v", "w", "x"),
      nodeName: fc.constantFrom("a", "b", "c", "d"),
      originHostname: fc.constantFrom("host-a", "host-b"),
      fenced: fc.boolean(),
    }),
    { selector: ({ name }) => name },
  ),
});

function patched(labels: Record<string, string>, patch: Readonly<Record<string, string | null>> = {}) {
  const result = { ...labels };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = value;
  }
  return result;
}

test("a pod's volume is matched by the one node that holds it, and by none while it is fenced", () => {
  fc.assert(
    fc.property(cluster, ({ nodes, volumes }) => {
      for (const { name, hostname, tampered } of nodes) {
        const before: Record<string, string> = tampered
          ? { [`${AT_PREFIX}v`]: "", [`${AWAY_PREFIX}w`]: "", [`${AT_PREFIX}gone`]: "x", foreign: "kept" }
          : { foreign: "kept" };
        const labels = patched(before, planLabels(volumes, node(name, hostname, before)));
        expect(labels["foreign"]).toBe("kept");
        for (const placed of volumes) {
          expect(matches(placed, { hostname, labels })).toBe(placed.nodeName === name && !placed.fenced);
        }
        expect(planLabels(volumes, node(name, hostname, labels))).toBeUndefined();
      }
    }),
    { numRuns: 500 },
  );
});

test("a volume that never moved needs no label", () => {
  expect(planLabels([volume()], node("a", "host-a"))).toBeUndefined();
});

test("a template node of cluster-autoscaler does not have the volume, whatever labels it copies", () => {
  const real = { [`${AT_PREFIX}v`]: "" };
  expect(matches(volume(), { hostname: "new", labels: real })).toBe(true);
  expect(matches(volume(), { hostname: "new", labels: { ...real, [TEMPLATE_NODE_LABEL]: "" } })).toBe(false);
});
