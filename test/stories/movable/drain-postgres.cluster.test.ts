/*
 * A PostgreSQL of Debian's packages under load is drained there and home again. Skipped where the
 * packages cannot be fetched; SQLite in drain-load.cluster.test.ts is the proof there.
 */
import { expect, test, type TestContext } from "vitest";
import { PackagesUnavailable } from "../../cluster/packages.ts";
import { postgresImage } from "../../cluster/postgres-image.ts";
import { moveWhere, useDrains } from "../support/drains.ts";
import { MOVABLE_CLASS } from "../support/movable.ts";
import { volumeOf } from "../support/movable-objects.ts";
import { checkPostgres, crashAtEnd, postgresWriter } from "../support/postgres-writer.ts";
import { thereAndHome } from "../support/there-and-home.ts";

const NS = "movable-postgres";
const on = useDrains(NS, ["node-files", "kubectl"]);

/** Brings the image to the nodes, or skips with the reason. */
async function loadPostgres({ skip }: TestContext): Promise<void> {
  const { loadImage } = on.ground;
  if (loadImage === undefined) return skip(`${on.ground.name} takes no image from here`);
  const tarFile = await postgresImage((line) => process.stderr.write(`${line}\n`)).catch((error: unknown) => {
    if (error instanceof PackagesUnavailable) return skip(error.message);
    throw error;
  });
  await loadImage.call(on.ground, tarFile);
}

test("PostgreSQL under load, there and home again: every acknowledged transaction is there", async (context) => {
  await loadPostgres(context);
  const { ground } = on;
  let benched = 0;
  await thereAndHome(ground, NS, "postgres", {
    set: postgresWriter(NS, "postgres", MOVABLE_CLASS),
    // It leaves home with a shutdown, and the other node without.
    prepare: async (pod, hop) => {
      benched = (await checkPostgres(ground, NS, pod)).benched;
      if (hop === "home") await crashAtEnd(ground, NS, pod);
    },
    check: async (pod, hop) => {
      const found = await checkPostgres(ground, NS, pod);
      expect(found.recovered).toBe(hop === "home");
      expect(found.benched).toBeGreaterThan(benched);
      const volume = await volumeOf(ground, NS, `data-${pod}`);
      const { status } = await moveWhere(ground, volume, "to know its downtime", (one) => one.downtime !== undefined);
      // It was copied while it wrote.
      expect(status?.copyingAt).toBeDefined();
      console.log(`the move: ${JSON.stringify({ bytes: status?.bytesTotal, downtime: status?.downtime })}`);
      return found;
    },
  });
});
