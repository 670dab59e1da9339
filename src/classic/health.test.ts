import { describe, expect, it } from "vitest";
import { KubeClient } from "../kube/client.ts";
import { KubeError } from "../kube/errors.ts";
import { recordingLog } from "../kube/testing/recording-log.fixture.ts";
import { ScriptedKube } from "../kube/testing/scripted-kube.fixture.ts";
import { silentLog } from "../observe/log.ts";
import { handleHealth, handleReady } from "./health.ts";

describe("/health", () => {
  it.each(["GET", "HEAD", "OPTIONS"])("answers %s", (method) => {
    expect(handleHealth(method)).toEqual({ status: 200, body: "OK" });
  });

  it.each(["POST", "PUT", "DELETE", "PATCH"])("refuses %s", (method) => {
    expect(handleHealth(method)).toEqual({ status: 405, body: "Method not allowed\n" });
  });
});

describe("/ready", () => {
  it("lists one of each kind, in order, those of a namespace in its own", async () => {
    const kube = new ScriptedKube();
    expect(await handleReady(new KubeClient(kube), "ns", silentLog)).toEqual({ status: 200, body: "Ready" });
    const asked = kube.calls.map(({ request }) => request);
    expect(asked.map(({ path }) => path)).toEqual([
      "/api/v1/namespaces/ns/configmaps",
      "/api/v1/namespaces/ns/pods",
      "/api/v1/namespaces/ns/persistentvolumeclaims",
      "/api/v1/persistentvolumes",
      "/apis/storage.k8s.io/v1/storageclasses",
    ]);
    expect(asked.every(({ query }) => query?.["limit"] === 1)).toBe(true);
  });

  it.each(["configmaps", "pods", "persistentvolumeclaims", "persistentvolumes", "storageclasses"])(
    "fails with the first that cannot be listed: %s",
    async (plural) => {
      const kube = new ScriptedKube();
      const log = recordingLog();
      kube.before = (call) => {
        if (call.plural === plural) throw new KubeError({ code: 403, reason: "Forbidden", message: "no" });
      };
      const body = `readiness check ${plural} failed: no`;
      expect(await handleReady(new KubeClient(kube), "ns", log)).toEqual({ status: 503, body: `${body}\n` });
      expect(log.lines).toMatchObject([{ level: "warn", msg: `Readiness check failed: ${body}` }]);
    },
  );
});
