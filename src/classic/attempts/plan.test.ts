import { expect, test } from "vitest";
import { recordingLog } from "../../kube/testing/recording-log.fixture.ts";
import { renderPattern } from "../directory/render.ts";
import { parseConfig } from "../settings/config.ts";
import { claim, node, request, storageClass } from "../testing/objects.fixture.ts";
import { classOptionsOf } from "./class-options.ts";
import { planProvision } from "./plan.ts";

const settingsFor = (path: string) => {
  const text = JSON.stringify({ nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: [path] }] });
  return { config: parseConfig({ from: "inline", text }).config, template: {} as never };
};

/** A base path of so many bytes. */
function base(bytes: number): string {
  const names = `/${"n".repeat(199)}`.repeat(30);
  return names.slice(0, bytes).replace(/\/$/, "n");
}

test("a path of 4,095 bytes is the longest that a program can name", () => {
  const asked = request({ node: node("a") });
  const name = `/${asked.volumeName}_shop_data`;
  const { path } = planProvision(settingsFor(base(4095 - name.length)), asked, renderPattern);
  expect(Buffer.byteLength(path)).toBe(4095);
  expect(() => planProvision(settingsFor(base(4096 - name.length)), asked, renderPattern)).toThrow(/4096/);
});

test("a claim without a size gets a volume without a size", () => {
  const asked = request({ node: node("a"), claim: claim({ spec: { resources: {} } as never }) });
  expect(planProvision(settingsFor("/opt"), asked, renderPattern).sizeBytes).toBe(0n);
});

test.each([
  ["false", false, 0],
  ["true", true, 0],
  ["maybe", false, 1],
])("allowUnsafePathPattern %j is %j, with %i warnings", (text, allowed, warnings) => {
  const log = recordingLog();
  expect(classOptionsOf(storageClass({ allowUnsafePathPattern: text }), log).allowUnsafePathPattern).toBe(allowed);
  expect(log.lines.filter(({ level }) => level === "warn")).toHaveLength(warnings);
});
