/*
 * The original chooses a disk at random at each attempt: what the first has made on another disk
 * stays there for ever.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import { expectBound, expectEvent, expectRemoved } from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import { installProduct } from "./support/product.ts";
import { useGroundForLongWaits } from "./support/shared-ground.ts";
import { claimOn } from "./support/workloads.ts";

const on = useGroundForLongWaits("containers", "load-image", "node-files");
const NS = "second-try";
const DISKS = ["/opt/disk-1", "/opt/disk-2", "/mnt/disk-3"];
/** Succeeds only where the first attempt has been, and somebody has mended what was wrong there. */
const SETUP = ["#!/bin/sh", "set -eu", 'mkdir -m 0777 -p "$VOL_DIR"', '[ -e "$VOL_DIR/mended" ]', ""].join("\n");

beforeAll(async () => {
  await openNamespace(on.ground, NS);
  await installProduct(on.ground, {
    config: { nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: DISKS }] },
    setup: SETUP,
  });
});
afterAll(async () => {
  await leaveNothing(on.ground, { namespace: NS });
});

test("a second try uses the disk of the first", async () => {
  const { ground } = on;
  const [, second = ""] = ground.nodes;
  const names = [1, 2, 3, 4].map((number) => `claim-${number}`);
  await ground.apply(toYaml(...names.map((name) => claimOn(second, NS, name, "local-path"))));
  const node = ground.onNode(second);
  const tried = await Promise.all(
    names.map(async (name) => {
      const about = { kind: "PersistentVolumeClaim", name, namespace: NS };
      await expectEvent(ground, about, "ProvisioningFailed", "exit code 1");
      const found = await directoriesOf(second, name);
      expect(found).toHaveLength(1);
      const [path = ""] = found;
      // On another disk this would not help.
      await node.writeFile(`${path}/mended`, "");
      return path;
    }),
  );
  for (const [index, name] of names.entries()) {
    const bound = await expectBound(ground, NS, name);
    expect(bound.path).toBe(tried[index]);
    expect(await directoriesOf(second, name)).toEqual([bound.path]);
    await expectRemoved(ground, NS, [], [bound]);
  }
});

async function directoriesOf(node: string, claimName: string): Promise<string[]> {
  const found: string[] = [];
  for (const disk of DISKS) {
    if (!(await on.ground.onNode(node).exists(disk))) continue;
    const names = await on.ground.onNode(node).listDirectory(disk);
    found.push(...names.filter((name) => name.endsWith(`_${claimName}`)).map((name) => `${disk}/${name}`));
  }
  return found;
}
