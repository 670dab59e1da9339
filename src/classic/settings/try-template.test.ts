import { expect, test } from "vitest";
import { KubeClient } from "../../kube/client.ts";
import { KubeError } from "../../kube/errors.ts";
import type { KubeRequest } from "../../kube/kube.ts";
import { ScriptedKube } from "../../kube/testing/scripted-kube.fixture.ts";
import { settings } from "../testing/cluster.fixture.ts";
import { tryTemplate } from "./try-template.ts";

const defaults = {
  namespace: "local-path-storage",
  configMapName: "local-path-config",
  serviceAccountName: "sa",
  provisioner: "p",
};

async function answered(code: number | undefined): Promise<{ sent: KubeRequest[]; error: unknown }> {
  const kube = new ScriptedKube();
  kube.before = () => {
    if (code !== undefined) throw new KubeError({ code, reason: "R", message: 'Unsupported value: "Tolerate"' });
  };
  const tried = tryTemplate(new KubeClient(kube), settings({ nodePathMap: [] }), defaults);
  const error = await tried.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { sent: kube.calls.map(({ request }) => request), error };
}

test("a pod of the template is created in a dry run", async () => {
  const { sent, error } = await answered(undefined);
  expect(error).toBeUndefined();
  expect(sent).toMatchObject([
    { method: "POST", path: "/api/v1/namespaces/local-path-storage/pods", query: { dryRun: "All" } },
  ]);
});

test.each([400, 422])("what the server says of the pod is told: %i", async (code) => {
  expect((await answered(code)).error).toMatchObject({
    code: "CLASSIC_HELPER_TEMPLATE_INVALID",
    message: 'the API server refuses pods of helperPod.yaml: Unsupported value: "Tolerate"',
  });
});

test.each([403, 429, 500, 0])("anything else says nothing about the template: %i", async (code) => {
  expect((await answered(code)).error).toBeUndefined();
});
