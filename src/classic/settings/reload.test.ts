import { beforeEach, describe, expect, it } from "vitest";
import { manualClock, settle } from "../../effects/testing/manual-clock.fixture.ts";
import { memoryFiles } from "../../kube/testing/memory-files.fixture.ts";
import { recordingLog } from "../../kube/testing/recording-log.fixture.ts";
import type { EventContent } from "../../provision/events.ts";
import { type ReloadDeps, Reloader } from "./reload.ts";

const CONFIG = "/etc/config/config.json";
const TEMPLATE = "/etc/config/helperPod.yaml";
const config = (path: string) => JSON.stringify({ nodePathMap: [{ node: "a", paths: [path] }] });
const pod = (image: string) => `spec: {containers: [{name: helper-pod, image: ${image}}]}`;

describe("settings are read again every 30 seconds", () => {
  const clock = manualClock();
  const files = memoryFiles();
  const log = recordingLog();
  let events: EventContent[] = [];
  let counts: string[] = [];
  let stop = new AbortController();

  beforeEach(() => {
    Object.assign(files.content, { [CONFIG]: config("/one"), [TEMPLATE]: pod("one") });
    log.lines.length = 0;
    events = [];
    counts = [];
    stop.abort();
    stop = new AbortController();
  });

  async function started(options: Partial<ReloadDeps> = {}): Promise<Reloader> {
    const reloader = new Reloader({
      files,
      clock,
      log,
      configFlag: CONFIG,
      helperPodText: pod("zero"),
      configMountPath: "/etc/config/",
      allowUnsafeTemplate: false,
      tryTemplate: () => Promise.resolve(),
      tell: (event) => events.push(event),
      count: (what, result) => counts.push(`${what} ${result}`),
      ...options,
    });
    await reloader.load();
    void reloader.run(stop.signal);
    await settle();
    log.lines.length = 0;
    return reloader;
  }

  const path = (reloader: Reloader) => reloader.current().config.common.nodePaths.get("a");
  const image = (reloader: Reloader) => reloader.current().template.container.image;
  const lines = () => log.lines.map(({ level, msg }) => `${level} ${msg}`);

  it("what names no node is warned of once the nodes are known, and after each change", async () => {
    const reloader = await started({ configMountPath: undefined });
    reloader.compareWith(() => ({ nodes: ["b"], classes: [{ name: "c", nodePath: "/two" }] }));
    const node = "nodePathMap has an entry for a, and there is no node of that name";
    const path = "StorageClass c has the nodePath /two, and no entry of nodePathMap has that path";
    expect(lines()).toEqual([`warn ${node}`, `warn ${path}`]);
    expect(events).toEqual([{ type: "Warning", reason: "ConfigUnmatched", message: `${node}; and 1 more in the log` }]);
    files.content[CONFIG] = config("/two");
    await clock.advance(30_000);
    expect(events.slice(1).map(({ message }) => message)).toEqual([node, "config.json has changed and is in force"]);
    await clock.advance(60_000);
    expect(events).toHaveLength(3);
  });

  it("a changed configuration comes into force, with a line, an event and a count", async () => {
    const reloader = await started({ configMountPath: undefined });
    files.content[CONFIG] = config("/two");
    await clock.advance(29_999);
    expect(path(reloader)).toEqual(["/one"]);
    await clock.advance(1);
    expect(path(reloader)).toEqual(["/two"]);
    expect(lines()).toEqual([
      `debug Applied config: {"nodePathMap":[{"node":"a","paths":["/two"]}],"storageClassConfigs":null}`,
    ]);
    expect(events).toMatchObject([{ type: "Normal", reason: "ConfigReloaded" }]);
    expect(counts).toEqual(["config applied"]);
  });

  it("a template that the API server refuses changes nothing, and is told once", async () => {
    let refuses = true;
    const tryTemplate = () =>
      refuses ? Promise.reject(new Error('Unsupported value: "Tolerate"')) : Promise.resolve();
    const reloader = await started({ tryTemplate });
    await clock.advance(60_000);
    expect(image(reloader)).toBe("zero");
    expect(events).toMatchObject([{ type: "Warning", message: expect.stringContaining("Tolerate") as string }]);
    refuses = false;
    await clock.advance(30_000);
    expect(image(reloader)).toBe("one");
  });

  it("an unchanged one does nothing, however it is written", async () => {
    const reloader = await started({ configMountPath: undefined });
    const before = reloader.current();
    files.content[CONFIG] = ` ${config("/one")}\n\n`;
    await clock.advance(30_000);
    expect(reloader.current()).toBe(before);
    expect(lines()).toEqual([]);
  });

  it("a wrong one is reported at every reading and told once; the old one stays, and a mended one comes into force", async () => {
    const reloader = await started({ configMountPath: undefined });
    files.content[CONFIG] = "{";
    await clock.advance(60_000);
    const text = `failed to load the new config file: fail to load config file ${CONFIG}: line 1: expected a key in quotes, found the end of the text`;
    expect(lines()).toEqual([`error ${text}`, `error ${text}`]);
    expect(events).toEqual([
      { type: "Warning", reason: "ConfigReloadFailed", message: `${text} (the last valid one stays in force)` },
    ]);
    expect(counts).toEqual(["config refused", "config refused"]);
    expect(path(reloader)).toEqual(["/one"]);
    delete files.content[CONFIG];
    await clock.advance(30_000);
    expect(lines().at(-1)).toBe(
      `error failed to load the new config file: fail to load config file ${CONFIG}: open ${CONFIG}: no such file or directory`,
    );
    files.content[CONFIG] = config("/two");
    await clock.advance(30_000);
    expect(path(reloader)).toEqual(["/two"]);
  });

  it("the template below CONFIG_MOUNT_PATH takes the place of the one from the start", async () => {
    const reloader = await started();
    expect(image(reloader)).toBe("zero");
    await clock.advance(30_000);
    expect(image(reloader)).toBe("one");
    expect(events).toMatchObject([{ type: "Normal", reason: "HelperPodReloaded" }]);
  });

  it("9.3 nil template after a bad reload: the last good template stays in force", async () => {
    const reloader = await started();
    files.content[TEMPLATE] = "spec: {hostNetwork: true, containers: [{name: helper-pod}]}";
    await clock.advance(30_000);
    expect(image(reloader)).toBe("zero");
    const why =
      "helper pod template must not enable host namespaces unless allow-unsafe-helper-pod-template is enabled";
    expect(lines()).toEqual([`error failed to load the new helper pod manifest: ${why}`]);
    expect(events).toMatchObject([{ type: "Warning", reason: "HelperPodReloadFailed" }]);
    delete files.content[TEMPLATE];
    await clock.advance(30_000);
    expect(image(reloader)).toBe("zero");
    expect(lines().at(-1)).toBe(
      `error failed to load the new helper pod manifest: open ${TEMPLATE}: no such file or directory`,
    );
  });

  it("an operation keeps the settings it began with", async () => {
    const reloader = await started({ configMountPath: undefined });
    const held = reloader.current();
    files.content[CONFIG] = config("/two");
    await clock.advance(30_000);
    expect(held.config.common.nodePaths.get("a")).toEqual(["/one"]);
    expect(path(reloader)).toEqual(["/two"]);
  });

  it("inline text cannot change", async () => {
    const reloader = await started({ configFlag: config("/inline"), configMountPath: undefined });
    await clock.advance(30_000);
    expect(path(reloader)).toEqual(["/inline"]);
    expect(lines()).toEqual([]);
  });

  it("ends with its signal", async () => {
    await started();
    stop.abort();
    await settle();
    expect(lines()).toEqual(["info stop watching config file"]);
  });

  it("is fatal at start", async () => {
    files.content[CONFIG] = config("relative");
    await expect(started()).rejects.toThrow("path must start with / for path relative on node a");
    await expect(started({ helperPodText: "spec: {}" })).rejects.toThrow("does not specify any container");
  });
});
