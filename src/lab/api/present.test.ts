import { describe, expect, it } from "vitest";
import { nodes, persistentVolumeClaims, persistentVolumes, pods } from "../../kube/kinds.ts";
import { claim, pod, refused, take, testLab, volume, type TestLab } from "./testing/lab.fixture.ts";

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

interface Table {
  readonly columnDefinitions: readonly { readonly name: string; readonly priority: number }[] | null;
  readonly rows: readonly { readonly cells: readonly unknown[]; readonly object?: unknown }[];
}

/** The table as kubectl prints it. */
async function printed({ kube }: TestLab, path: string): Promise<string[]> {
  const table = await kube.request<Table>({ method: "GET", path, accept: TABLE });
  const shown = (table.columnDefinitions ?? []).map(({ priority }) => priority === 0);
  const pick = (cells: readonly unknown[]): string => cells.filter((_, index) => shown[index]).join(" | ");
  return [pick((table.columnDefinitions ?? []).map(({ name }) => name)), ...table.rows.map(({ cells }) => pick(cells))];
}

describe("tables", () => {
  it("of pods", async () => {
    const lab = testLab();
    await lab.client.create(pods, pod());
    const web = { namespace: "default", name: "web" };
    const containerStatuses = [
      { name: "main", ready: false, restartCount: 2, state: { waiting: { reason: "CrashLoopBackOff" } } },
    ];
    await lab.client.patchMerge(
      pods,
      web,
      { status: { phase: "Running", containerStatuses } },
      { subresource: "status" },
    );
    await lab.clock.advance(200_000);
    expect(await printed(lab, "/api/v1/pods")).toEqual([
      "Name | Ready | Status | Restarts | Age",
      "web | 0/1 | CrashLoopBackOff | 2 | 3m20s",
    ]);
  });

  it("of claims and volumes", async () => {
    const lab = testLab();
    await lab.client.create(persistentVolumes, volume());
    await lab.client.create(persistentVolumeClaims, claim());
    expect(await printed(lab, "/api/v1/persistentvolumes")).toEqual([
      "Name | Capacity | Access Modes | Reclaim Policy | Status | Claim | StorageClass | VolumeAttributesClass | Reason | Age",
      "pv-1 | 1Gi | RWO | Retain | Pending |  |  | <unset> |  | 0s",
    ]);
    expect(await printed(lab, "/api/v1/persistentvolumeclaims")).toEqual([
      "Name | Status | Volume | Capacity | Access Modes | StorageClass | VolumeAttributesClass | Age",
      "data | Pending |  |  |  |  | <unset> | 0s",
    ]);
  });

  it("of nodes", async () => {
    const lab = testLab();
    await lab.client.create(nodes, {
      metadata: { name: "n", labels: { "node-role.kubernetes.io/worker": "" } },
      spec: { unschedulable: true },
      status: { conditions: [{ type: "Ready", status: "True" }] },
    });
    expect((await printed(lab, "/api/v1/nodes"))[1]).toBe("n | Ready,SchedulingDisabled | worker | 0s | ");
  });

  it("of what has no columns of its own", async () => {
    expect((await printed(testLab(), "/apis/rbac.authorization.k8s.io/v1/clusterroles"))[0]).toBe("Name | Created At");
  });

  it("in a watch have columns only in the first", async () => {
    const lab = testLab();
    await lab.client.create(pods, pod("a"));
    await lab.client.create(pods, pod("b"));
    const stream = await lab.kube.stream({
      method: "GET",
      path: "/api/v1/pods",
      query: { watch: true },
      accept: TABLE,
    });
    const tables = (await take(stream, 2)).map(({ object }) => object as unknown as Table);
    expect(tables.map(({ columnDefinitions }) => columnDefinitions?.length)).toEqual([9, undefined]);
    expect(tables[1]?.rows[0]?.cells[0]).toBe("b");
  });
});

it("metadata only is what some clients ask for", async () => {
  const { client, kube } = testLab();
  await client.create(pods, pod());
  const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
  const list = await kube.request<{ items: unknown[] }>({ method: "GET", path: "/api/v1/pods", accept });
  expect(list).toMatchObject({
    kind: "PartialObjectMetadataList",
    items: [{ kind: "PartialObjectMetadata", metadata: { name: "web" } }],
  });
  expect(list.items[0]).not.toHaveProperty("spec");
});

it("what cannot be had is not acceptable", async () => {
  const { kube } = testLab();
  const error = await refused(
    kube.request({ method: "GET", path: "/api/v1/pods", accept: "application/vnd.kubernetes.protobuf" }),
  );
  expect(error).toMatchObject({ code: 406, reason: "NotAcceptable" });
});
