import { expect, test } from "vitest";
import { openLabGround } from "../../lab/lab-ground.ts";
import { closeNamespace, openNamespace } from "./cleanup.ts";
import { toYaml } from "./manifest.ts";
import type { Claim } from "./objects.ts";
import { claim } from "./workloads.ts";

const NS = "closing";

test("a namespace counts as closed when its claims are really gone", async () => {
  const ground = await openLabGround();
  try {
    await openNamespace(ground, NS);
    const held = claim(NS, "held", "none", { metadata: { finalizers: ["stories.mooring.dev/held"] } });
    await ground.apply(toYaml(held));
    const claimIs = () => ground.get<Claim>("PersistentVolumeClaim", "held", NS);
    const whenClosed = closeNamespace(ground, NS).then(claimIs);
    // It has every chance to say too early that it is done.
    const looks: (string | undefined)[] = [];
    await ground.waitFor("ten looks at a claim that is ending", async () => {
      looks.push((await claimIs())?.metadata.deletionTimestamp);
      return looks.filter((at) => at !== undefined).length === 10 ? true : undefined;
    });
    await ground.patch("PersistentVolumeClaim", "held", { metadata: { finalizers: null } }, NS);
    expect(await whenClosed).toBeUndefined();
  } finally {
    await ground.close();
  }
});
