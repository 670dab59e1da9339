/*
 * A database that detects every lost transaction: SQLite in WAL mode with synchronous=FULL, in a
 * pod on the product's image (its Node has SQLite). A number goes to stdout once its COMMIT has
 * returned. Wherever the pod starts, it goes on after the last row it finds.
 */
import type { Ground } from "../../cluster/ground.ts";
import { nodeProgram } from "./node-program.ts";

const OPEN = `
  const { DatabaseSync } = require("node:sqlite");
  const db = new DatabaseSync("/data/db");`;

const WRITE = `${OPEN}
  db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, pad BLOB)");
  process.on("SIGTERM", () => process.exit(0));
  const insert = db.prepare("INSERT INTO t VALUES (?, randomblob(2000))");
  let n = db.prepare("SELECT count(*) AS n FROM t").get().n;
  const step = () => {
    db.exec("BEGIN");
    insert.run(++n);
    db.exec("COMMIT");
    require("node:fs").writeSync(1, n + "\\n");
    setTimeout(step, 10);
  };
  step();`;

const CHECK = `${OPEN}
  const { n, last } = db.prepare("SELECT count(*) AS n, max(n) AS last FROM t").get();
  const integrity = db.prepare("PRAGMA integrity_check").all().map((row) => row.integrity_check);
  console.log(JSON.stringify({ n, last, integrity }));`;

/** A StatefulSet of one pod that writes transactions. `image` is the product's. */
export function sqliteWriter(namespace: string, name: string, storageClassName: string, image: string): object {
  return nodeProgram(namespace, name, storageClassName, image, WRITE);
}

/** The rows of the database, the highest number, and what SQLite says of it. Needs `isolation`. */
export async function checkDatabase(
  ground: Ground,
  namespace: string,
  pod: string,
): Promise<{ readonly n: number; readonly last: number; readonly integrity: readonly string[] }> {
  const { code, stdout, stderr } = await ground.exec(namespace, pod, ["node", "-e", CHECK]);
  if (code !== 0) throw new Error(`the database of ${namespace}/${pod} cannot be read: ${stderr}`);
  return JSON.parse(stdout) as { n: number; last: number; integrity: string[] };
}
