import { describe, expect, test } from "vitest";
import type { User } from "./stays.ts";
import { tiesOf } from "./ties.ts";

const HOST = "kubernetes.io/hostname";
const near = (app: string, topologyKey = HOST) => [{ topologyKey, labelSelector: { matchLabels: { app } } }];

function user(app: string, terms: readonly object[] = [], namespace = "ns"): User {
  const podAffinity = { requiredDuringSchedulingIgnoredDuringExecution: terms };
  const metadata = { name: app, namespace, uid: app, resourceVersion: "1", labels: { app } };
  const pod = { metadata, spec: { containers: [], affinity: { podAffinity } } };
  return { pod: pod as never, volumes: [`of-${app}`], volumesElsewhere: [] };
}

describe("pods are tied", () => {
  test("by required affinity on the hostname", () => {
    expect(tiesOf([user("web", near("db")), user("db"), user("other")])).toEqual([{ volumes: ["of-web", "of-db"] }]);
  });

  test("not by affinity to a zone, nor to pods of another namespace, nor to themselves", () => {
    expect(tiesOf([user("web", near("db", "zone")), user("db")])).toEqual([]);
    expect(tiesOf([user("web", near("db")), user("db", [], "another")])).toEqual([]);
    expect(tiesOf([user("db", near("db"))])).toEqual([]);
  });
});
