import { describe, expect, it } from "vitest";
import { conform, DecodeError } from "./conform.ts";

describe("a body comes back as Go would encode it", () => {
  it("loses fields that no struct has, and says which in their order", () => {
    const { value, unknown } = conform("core.v1.Pod", {
      spec: { containers: [{ name: "a", imag: "b" }], nodName: "n" },
      x: 1,
    });
    expect(unknown).toEqual(["spec.containers[0].imag", "spec.nodName", "x"]);
    expect(value["x"]).toBeUndefined();
  });

  it("drops empty maps and lists, and nulls", () => {
    const { value } = conform("core.v1.ConfigMap", {
      metadata: { name: "a", labels: {}, finalizers: [], annotations: null },
      data: {},
    });
    expect(value).toEqual({ metadata: { name: "a" } });
  });

  it("keeps a pointer to nothing but drops a value that is nothing", () => {
    const { value } = conform("core.v1.PodSpec", { hostNetwork: false, enableServiceLinks: false, containers: [] });
    expect(value).toEqual({ enableServiceLinks: false, containers: [] });
  });

  it("writes structs and required fields that were not sent", () => {
    expect(conform("core.v1.Container", {}).value).toEqual({ name: "", resources: {} });
    expect(conform("rbac.v1.Role", {}).value).toMatchObject({ rules: null });
  });

  it("writes quantities in their canonical form", () => {
    const { value } = conform("core.v1.ResourceRequirements", {
      requests: { storage: "1024Mi", cpu: 0.5, memory: "1e3" },
    });
    expect(value).toEqual({ requests: { storage: "1Gi", cpu: "500m", memory: "1e3" } });
  });

  it("keeps microtimes byte for byte and cuts times to seconds", () => {
    const lease = conform("coordination.v1.LeaseSpec", { renewTime: "2026-01-02T03:04:05.678901Z" });
    expect(lease.value["renewTime"]).toBe("2026-01-02T03:04:05.678901Z");
    const condition = conform("core.v1.NodeCondition", {
      type: "Ready",
      status: "True",
      lastHeartbeatTime: "2026-01-02T03:04:05.9Z",
    });
    expect(condition.value["lastHeartbeatTime"]).toBe("2026-01-02T03:04:05Z");
  });

  it.each([
    [
      { spec: { terminationGracePeriodSeconds: "30" } },
      "cannot unmarshal string into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64",
    ],
    [
      { metadata: { labels: [] } },
      "cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
    ],
    [{ spec: [] }, "cannot unmarshal array into Go struct field Pod.spec of type PodSpec"],
  ])("refuses values of a wrong type", (body, message) => {
    expect(() => conform("core.v1.Pod", body)).toThrow(DecodeError);
    expect(() => conform("core.v1.Pod", body)).toThrow(message);
  });
});
