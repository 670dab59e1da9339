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

async function answered(
  code: number | undefined,
  message = 'Unsupported value: "Tolerate"',
): Promise<{ sent: KubeRequest[]; error: unknown }> {
  const kube = new ScriptedKube();
  kube.before = () => {
    if (code !== undefined) throw new KubeError({ code, reason: "R", message });
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

test.each([
  [403, 'pods "helper-pod-create-x" is forbidden: no PriorityClass with name no-such-class was found'],
  [403, 'pods "x" is forbidden: violates PodSecurity "baseline:latest": hostPath volumes (volume "data")'],
  [403, 'admission webhook "validation.gatekeeper.sh" denied the request: no image of docker.io'],
  [403, 'pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 2'],
  [400, 'admission webhook "validate.kyverno.svc-fail" denied the request: no label team'],
])("what an admission plugin says of the pod is told: %i %s", async (code, message) => {
  expect((await answered(code, message)).error).toMatchObject({ code: "CLASSIC_HELPER_TEMPLATE_INVALID" });
});

test.each([
  [403, 'pods is forbidden: User "x" cannot create resource "pods" in API group "" in the namespace "n"'],
  [403, 'pods "x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=5, limited: pods=5'],
  [403, 'pods "x" is forbidden: error looking up service account n/sa: serviceaccount "sa" not found'],
  [403, 'pods "x" is forbidden: unable to create new content in namespace n because it is being terminated'],
  [400, 'admission webhook "old.example.com" does not support dry run'],
  [404, 'namespaces "n" not found'],
])("what is not about the template says nothing: %i %s", async (code, message) => {
  expect((await answered(code, message)).error).toBeUndefined();
});

test.each([429, 500, 0])("the lack of an answer does not count as success: %i", async (code) => {
  expect((await answered(code, "busy")).error).toMatchObject({
    code: "CLASSIC_HELPER_TEMPLATE_UNTRIED",
    message: "the API server could not be asked whether it takes helperPod.yaml: busy",
  });
});
