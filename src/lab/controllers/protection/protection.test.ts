import { expect, test } from "vitest";
import { persistentVolumeClaims, pods } from "../../../kube/kinds.ts";
import { claim, pod } from "../../api/testing/lab.fixture.ts";
import { managerOnLab } from "../testing/manager-on-lab.fixture.ts";

const at = { namespace: "default", name: "data" };

test("a claim says whether a pod names it, from the moment it is bound", async () => {
  const { client, clock, stop } = managerOnLab("claim-protection");
  const unused = async (): Promise<string | undefined> => {
    await clock.advance(1000);
    const { status } = await client.get(persistentVolumeClaims, at);
    return status?.conditions?.find(({ type }) => type === "Unused")?.status;
  };
  await client.create(persistentVolumeClaims, claim());
  expect(await unused()).toBeUndefined();
  await client.patchMerge(persistentVolumeClaims, at, { status: { phase: "Bound" } }, { subresource: "status" });
  expect(await unused()).toBe("True");
  const volumes = [{ name: "data", persistentVolumeClaim: { claimName: "data" } }];
  await client.create(pods, pod("web", { spec: { volumes } }));
  expect(await unused()).toBe("False");
  await client.delete(pods, { namespace: "default", name: "web" });
  expect(await unused()).toBe("True");
  await stop();
});
