import { expect, test } from "vitest";
import { manualClock } from "../../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../../kube/client.ts";
import { persistentVolumeClaims, pods } from "../../../kube/kinds.ts";
import { seededRandom } from "../../../kube/testing/seeded-random.fixture.ts";
import { silentLog } from "../../../observe/log.ts";
import { LabApi } from "../../api/lab-api.ts";
import { claim, pod } from "../../api/testing/lab.fixture.ts";
import { startControllers } from "../start.ts";

const at = { namespace: "default", name: "data" };

test("a claim says whether a pod names it, from the moment it is bound", async () => {
  const clock = manualClock();
  const deps = { clock, random: seededRandom(1), log: silentLog };
  const api = new LabApi(deps);
  const client = new KubeClient(api.kube());
  const controllers = startControllers(
    { ...deps, kube: api.kube() },
    { machines: [], manager: ["claim-protection"], scheduler: false },
  );
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
  await controllers.stop();
});
