import { beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import { KubeError } from "../../kube/errors.ts";
import { memoryFiles } from "../../kube/testing/memory-files.fixture.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { silentLog } from "../../observe/log.ts";
import type { EventContent } from "../../provision/events.ts";
import { parseCommandLine } from "./options.ts";
import type { Reloader } from "./reload.ts";
import { loadSettings } from "./load.ts";
import { saying } from "../testing/saying.fixture.ts";

const CONFIG_MAP = "/api/v1/namespaces/local-path-storage/configmaps/local-path-config";
const POD = "spec: {containers: [{name: helper-pod, image: mapped}]}";

describe("loading the settings at start", () => {
  let kube = new LabKube();
  let served = 0;
  let told: EventContent[] = [];

  beforeEach(() => {
    told = [];
    kube = new LabKube();
    kube.put(CONFIG_MAP, {
      data: { "config.json": '{"sharedFileSystemPath":"/map"}', "helperPod.yaml": POD },
    } as object);
    served = 0;
  });

  function load(args: string[], content: Record<string, string> = {}): Promise<Reloader> {
    const line = parseCommandLine(["start", ...args], {}, "v1");
    if (line.kind !== "start") throw new Error(JSON.stringify(line));
    return loadSettings(line.options, {
      client: new KubeClient(kube),
      files: memoryFiles(content),
      clock: manualClock(),
      log: silentLog,
      tell: (event) => told.push(event),
      count: () => undefined,
      serveHealth: () => {
        served++;
      },
    });
  }

  it("takes from the ConfigMap what no flag gives", async () => {
    const { config, template } = (await load([])).current();
    expect(config.common.sharedFileSystemPath).toBe("/map");
    expect(template.container.image).toBe("mapped");
    expect(served).toBe(1);
  });

  it("takes inline text, and files", async () => {
    const files = { "/h.yaml": POD.replace("mapped", "filed"), "/c.json": '{"sharedFileSystemPath":"/file"} tail' };
    const inline = await load(
      ["--config", '{"sharedFileSystemPath":"/inline"}', "--helper-pod-file", "/h.yaml"],
      files,
    );
    expect(inline.current().config.common.sharedFileSystemPath).toBe("/inline");
    expect(inline.current().template.container.image).toBe("filed");
    const filed = await load(["--config=/c.json"], files);
    expect(filed.current().config.common.sharedFileSystemPath).toBe("/file");
    // No question about the ConfigMap; the template is tried.
    expect(kube.log.filter((line) => line.startsWith("GET"))).toHaveLength(1);
  });

  it("says which flag is empty and why the ConfigMap does not help", async () => {
    kube.remove(CONFIG_MAP);
    await expect(load([])).rejects.toThrow(
      saying(
        'invalid empty flag config and it also does not exist at ConfigMap local-path-storage/local-path-config with err: configmaps "local-path-config" not found',
      ),
    );
    kube.put(CONFIG_MAP, { data: { "config.json": "{}" } } as object);
    await expect(load([])).rejects.toThrow(
      saying(
        "invalid empty flag helper-pod-file and it also does not exist at ConfigMap local-path-storage/local-path-config with err: helperPod.yaml is not exist in local-path-config ConfigMap",
      ),
    );
    kube.intercept = () => {
      throw new KubeError({ code: 403, reason: "Forbidden", message: "configmaps is forbidden" });
    };
    await expect(load(["--configmap-name=other", "--namespace=ns"])).rejects.toThrow(
      saying(
        "invalid empty flag config and it also does not exist at ConfigMap ns/other with err: configmaps is forbidden",
      ),
    );
  });

  it("says which file it cannot open, in Go's words", async () => {
    await expect(load(["--helper-pod-file=/h.yaml"])).rejects.toThrow(
      saying("could not open file /h.yaml with err: open /h.yaml: no such file or directory"),
    );
    await expect(load(["--config=/c.json"])).rejects.toThrow(
      saying("fail to load config file /c.json: open /c.json: no such file or directory"),
    );
  });

  it("reports that the API server refuses the template, and starts with it because there is no other", async () => {
    kube.intercept = ({ method, query }) => {
      if (method !== "POST" || query?.["dryRun"] !== "All") return;
      throw new KubeError({ code: 422, reason: "Invalid", message: "priorityClassName: Invalid value" });
    };
    expect((await load([])).current().template.container.image).toBe("mapped");
    expect(told).toEqual([
      {
        type: "Warning",
        reason: "HelperPodReloadFailed",
        message:
          "the API server refuses pods of helperPod.yaml: priorityClassName: Invalid value (every claim and every removal will fail until it is corrected)",
      },
    ]);
  });

  it("finds mistakes in the original's order", async () => {
    const all = ["--namespace=", "--helper-image=", "--helper-pod-file=/none", "--worker-threads=0", "--config={"];
    await expect(load(all)).rejects.toThrow("invalid empty flag namespace");
    expect(served).toBe(0);
    await expect(load(all.slice(1))).rejects.toThrow("invalid empty flag helper-image");
    expect(served).toBe(1);
    await expect(load(all.slice(2))).rejects.toThrow("could not open file /none");
    await expect(load(all.slice(3))).rejects.toThrow("invalid zero or negative integer flag worker-threads");
    await expect(load(all.slice(4))).rejects.toThrow(
      "fail to load config file {: line 1: expected a key in quotes, found the end of the text",
    );
  });
});
