/*
 * PostgreSQL that detects every lost transaction. In one pod: the server, with data checksums;
 * pgbench, which updates rows all over the disk from four connections; and a session that inserts
 * numbered rows. A number goes to stdout once its COMMIT has returned, and is then acknowledged.
 * Wherever the pod starts, it goes on after the last row it finds.
 *
 * SIGTERM ends the server as a container's stop does (a fast shutdown). Where crashAtEnd() was
 * asked, it ends the server at once instead, and the next one has to recover from the log.
 */
import type { Ground } from "../../cluster/ground.ts";
import { POSTGRES_IMAGE, POSTGRES_USER } from "../../cluster/postgres-image.ts";
import { statefulSet } from "./workloads.ts";

const CRASH = "/tmp/crash";
const SERVER_LOG = "/tmp/postgres.log";

const ENVIRONMENT = `export PATH=$PGBIN:/usr/bin PGHOST=/tmp PGUSER=postgres PGDATABASE=postgres PGDATA=/data/pg`;

/** Small segments and buffers, and many checkpoints: pages go to the disk all the time. */
const SETTINGS = {
  listen_addresses: "",
  unix_socket_directories: "/tmp",
  shared_buffers: "8MB",
  checkpoint_timeout: "30s",
  min_wal_size: "2MB",
  max_wal_size: "8MB",
};

// Kubernetes would make one dollar of two.
const INSERT = `
  CREATE TABLE IF NOT EXISTS t(n bigint PRIMARY KEY, pad text);
  DO $body$ DECLARE i bigint := (SELECT count(*) FROM t); BEGIN LOOP
    i := i + 1;
    INSERT INTO t VALUES (i, repeat(md5(i::text), 60));
    COMMIT;
    RAISE NOTICE '%', i;
    PERFORM pg_sleep(0.01);
  END LOOP; END $body$;`;

const WRITE = `
  ${ENVIRONMENT}
  if ! [ -e $PGDATA/PG_VERSION ]; then
    initdb --data-checksums --wal-segsize=1 --auth=trust --no-instructions >/dev/null || exit 1
  fi
  # The kubelet opens all to the fsGroup, which the server refuses; the usual image does this too.
  chmod 700 $PGDATA
  postgres ${Object.entries(SETTINGS)
    .map(([name, value]) => `-c '${name}=${value}'`)
    .join(" ")} 2>${SERVER_LOG} &
  trap 'if [ -e ${CRASH} ]; then mode=immediate; else mode=fast; fi; pg_ctl stop --mode=$mode >/dev/null; exit 0' TERM
  until pg_isready --quiet; do
    if ! kill -0 $!; then tail ${SERVER_LOG} >&2; exit 1; fi
    sleep 0.1
  done
  if ! psql -qc 'SELECT 1 FROM pgbench_accounts LIMIT 1' >/dev/null 2>&1; then
    psql -qc 'CREATE EXTENSION amcheck' && pgbench --initialize --quiet --scale=2 >/dev/null 2>&1 || exit 1
  fi
  pgbench --no-vacuum --client=4 --rate=200 --time=100000 >/dev/null 2>&1 &
  psql --no-psqlrc --quiet --set=VERBOSITY=terse 2>&1 <<'END' |
  ${INSERT}
END
  while read -r word number; do if [ $word = NOTICE: ]; then echo $number; fi; done &
  wait $!
  tail ${SERVER_LOG} >&2
  exit 1`;

/**
 * Reads all there is. pgbench's transactions add one amount to an account, a teller, a branch and
 * the history, so a part of one that was lost shows in the sums.
 */
const QUERIES = {
  n: "SELECT count(*) FROM t",
  last: "SELECT max(n) FROM t",
  damaged: "SELECT count(*) FROM t WHERE pad <> repeat(md5(n::text), 60)",
  sums: `SELECT count(DISTINCT amount) FROM (
    SELECT sum(abalance) AS amount FROM pgbench_accounts UNION ALL SELECT sum(tbalance) FROM pgbench_tellers
    UNION ALL SELECT sum(bbalance) FROM pgbench_branches UNION ALL SELECT sum(delta) FROM pgbench_history) AS sums`,
  benched: "SELECT count(*) FROM pgbench_history",
  checksums: "SELECT count(*) FROM pg_settings WHERE name = 'data_checksums' AND setting = 'on'",
  failures: "SELECT coalesce(sum(checksum_failures), 0) FROM pg_stat_database",
};

/** One statement sees one moment of the database, while its writers go on. */
const CHECK = `
  ${ENVIRONMENT}
  psql --no-psqlrc --no-align --tuples-only --command "$0" && pg_amcheck --all --heapallindexed --rootdescend`;

/** A StatefulSet of one pod. Needs the image of postgresImage() on the nodes. */
export function postgresWriter(namespace: string, name: string, storageClassName: string): object {
  const set = statefulSet(namespace, name, storageClassName, ["sh", "-c", WRITE]) as {
    spec: { template: { spec: { containers: [object] } } };
  };
  const { template } = set.spec;
  const [container] = template.spec.containers;
  const id = POSTGRES_USER;
  const spec = {
    ...template.spec,
    // A shutdown writes a checkpoint, and the disk may be busy.
    terminationGracePeriodSeconds: 120,
    securityContext: { runAsUser: id, runAsGroup: id, fsGroup: id },
    containers: [{ ...container, image: POSTGRES_IMAGE }],
  };
  const resources = { requests: { storage: "512Mi" } };
  const data = { metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"], storageClassName, resources } };
  return { ...set, spec: { ...set.spec, template: { ...template, spec }, volumeClaimTemplates: [data] } };
}

/** Makes the pod end its server without a shutdown. */
export async function crashAtEnd(ground: Ground, namespace: string, pod: string): Promise<void> {
  await inside(ground, namespace, pod, ["touch", CRASH]);
}

/** What a check of the database has found. */
export interface PostgresCheck {
  readonly faults: readonly string[];
  /** Rows of the session that acknowledges. */
  readonly n: number;
  /** Transactions of pgbench. */
  readonly benched: number;
  /** The server began by recovering from its log. */
  readonly recovered: boolean;
}

/** Reads every table and index, while the pod writes. */
export async function checkPostgres(ground: Ground, namespace: string, pod: string): Promise<PostgresCheck> {
  const query = `SELECT json_build_object(${Object.entries(QUERIES)
    .map(([name, sql]) => `'${name}', (${sql})`)
    .join(", ")})`;
  const found = JSON.parse(await inside(ground, namespace, pod, ["sh", "-c", CHECK, query])) as Record<
    keyof typeof QUERIES,
    number
  >;
  const log = await inside(ground, namespace, pod, ["sh", "-c", `tail -n 1000 ${SERVER_LOG}`]);
  const expected = { last: found.n, damaged: 0, sums: 1, checksums: 1, failures: 0 };
  const wrong = Object.entries(expected).filter(([name, value]) => found[name as keyof typeof QUERIES] !== value);
  return {
    n: found.n,
    benched: found.benched,
    recovered: log.includes("automatic recovery in progress"),
    faults: wrong.map(([name, value]) => `${name} should be ${String(value)}: ${JSON.stringify(found)}`),
  };
}

async function inside(ground: Ground, namespace: string, pod: string, argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await ground.exec(namespace, pod, argv);
  if (code !== 0)
    throw new Error(`${argv[0] ?? ""} in ${namespace}/${pod} ended with ${String(code)}: ${stderr}${stdout}`);
  return stdout;
}
