/*
 * A workload that detects every lost write. It appends numbered records to /data/records, each one
 * twice in its line, and syncs the line before it prints its number to stdout: the record is then
 * acknowledged. A restarted container continues after the last record in the file. So if nothing
 * was lost, the file contains 1, 2, 3, … without a gap, at least up to the last acknowledged
 * number. Each start of the container has an id, which is in its records and acknowledgements:
 * where acknowledged records were lost, the next start writes others with the same numbers, and
 * only the id tells.
 */
import type { Ground } from "../../cluster/ground.ts";
import type { Claim, Pod } from "./objects.ts";
import { statefulSet } from "./workloads.ts";

const FILE = "/data/records";
const BUSYBOX = "docker.io/library/busybox:latest";

/** How the writer of records behaves. */
export interface WriterOptions {
  /** Pods, each with a volume of its own. @default 1 */
  readonly replicas?: number;
  /** Its pods start without waiting for each other. @default false */
  readonly parallel?: boolean;
  /** Seconds between two records. @default 0.05 */
  readonly pause?: number;
  /** It ignores SIGTERM, and ends only at the end of its grace period. @default false */
  readonly deaf?: boolean;
  /** @default 30 */
  readonly gracePeriodSeconds?: number;
}

/**
 * A StatefulSet that writes records into a claim of this class; its pods are `<name>-0`, …, their
 * claims `data-<name>-0`, ….
 */
export function recordWriter(
  namespace: string,
  name: string,
  storageClassName: string,
  options: WriterOptions = {},
): object {
  const { replicas = 1, parallel = false, pause = 0.05, deaf = false, gracePeriodSeconds = 30 } = options;
  const set = statefulSet(namespace, name, storageClassName, ["sh", "-c", script(deaf, pause)]) as {
    spec: { template: { spec: { containers: [object] } } };
  };
  const { template } = set.spec;
  const [container] = template.spec.containers;
  const env = { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } };
  const spec = {
    ...template.spec,
    terminationGracePeriodSeconds: gracePeriodSeconds,
    containers: [{ ...container, image: BUSYBOX, env: [env] }],
  };
  const policy = parallel ? { podManagementPolicy: "Parallel" } : {};
  return { ...set, spec: { ...set.spec, ...policy, replicas, template: { ...template, spec } } };
}

function script(deaf: boolean, pause: number): string {
  return `
    trap '${deaf ? "" : "exit 0"}' TERM
    touch ${FILE}
    n=$(wc -l <${FILE})
    read -r start </proc/sys/kernel/random/uuid
    start=\${start%%-*}
    while n=$((n + 1)); do
      record="$n $start $HOSTNAME $NODE"
      echo "$record = $record" >>${FILE} && sync ${FILE} || exit 1
      echo "$n $start"
      sleep ${pause}
    done`;
}

/** The last record that was acknowledged; all before it were, too. */
export interface Acknowledged {
  /** Its number; 0 when there is none. */
  readonly record: number;
  /** Which start of the container wrote it; "" of workloads that print numbers only. */
  readonly start: string;
}

const NOTHING: Acknowledged = { record: 0, start: "" };

/**
 * What is wrong with the records in a file, given what its pods have acknowledged, in any order;
 * empty when nothing is.
 */
export function faultsOf(text: string, acknowledged: readonly Acknowledged[]): string[] {
  const lines = text.split("\n");
  const faults: string[] = [];
  if (lines.pop() !== "") faults.push("the last record has no end");
  for (const [index, line] of lines.entries()) {
    const [one, other, ...more] = line.split(" = ");
    // Twice, and not with a checksum: that would be three more processes for each record.
    if (one !== other || more.length > 0) {
      faults.push(`record ${index + 1} is damaged: ${line.slice(0, 100)}`);
    } else if (one?.split(" ")[0] !== String(index + 1)) {
      faults.push(`where record ${index + 1} belongs there is ${line.slice(0, 100)}`);
    }
  }
  for (const { record, start } of acknowledged.filter((one) => one.record > 0)) {
    const line = lines[record - 1];
    if (line === undefined) {
      faults.push(`${record} records were acknowledged, and the file holds ${lines.length}`);
    } else if (line.split(" ")[1] !== start) {
      faults.push(`record ${record} was acknowledged by start ${start}, and another has written it since: ${line}`);
    }
  }
  return faults;
}

/** What a pod has acknowledged last, by its log. */
export function lastAcknowledged(log: string): Acknowledged {
  // A last line without its end may be half a number. Programs print other lines, too.
  const lines = log.slice(0, log.lastIndexOf("\n") + 1).split("\n");
  const [record, start = ""] = lines.findLast((line) => /^\d+( |$)/.test(line))?.split(" ") ?? [];
  return record === undefined ? NOTHING : { record: Number(record), start };
}

function latestOf(acknowledged: readonly Acknowledged[]): Acknowledged {
  return acknowledged.reduce((latest, one) => (one.record >= latest.record ? one : latest), NOTHING);
}

/** A pod's acknowledgements, followed to its end. */
export interface Followed {
  /**
   * The last one, once the pod has ended. Where its node dies, what has come through until then.
   * Without a kubectl the log is asked for again and again, and the last ones before the end may be
   * missed.
   */
  readonly last: Promise<Acknowledged>;
}

/** Resolves when the first of the pod's acknowledgements has come: from then on none is missed. */
export async function followAcknowledged(ground: Ground, namespace: string, pod: string): Promise<Followed> {
  if (!ground.capabilities.has("kubectl")) {
    const uid = (await ground.get<Pod>("Pod", pod, namespace))?.metadata.uid;
    if (uid === undefined) throw new Error(`there is no pod ${namespace}/${pod} to follow`);
    const last = pollAcknowledged(ground, namespace, pod, uid);
    // A story that has failed does not wait for it, and must fail with its own words only.
    last.catch(() => undefined);
    return { last };
  }
  return await new Promise((resolve, reject) => {
    const ended = ground.kubectl(["logs", "--follow", `--namespace=${namespace}`, pod], {
      onStdout: () => {
        resolve({ last: ended.then(({ stdout }) => lastAcknowledged(stdout)) });
      },
    });
    ended.then(
      ({ stderr }) => reject(new Error(`nothing of ${namespace}/${pod} could be followed: ${stderr}`)),
      reject,
    );
  });
}

async function pollAcknowledged(ground: Ground, namespace: string, pod: string, uid: string): Promise<Acknowledged> {
  let last = NOTHING;
  await ground.waitFor(
    `pod ${namespace}/${pod} to end`,
    async () => {
      const log = await ground.logs(namespace, pod).catch(() => "");
      // The log may be that of the next pod of this name.
      if ((await ground.get<Pod>("Pod", pod, namespace))?.metadata.uid !== uid) return true;
      last = latestOf([last, lastAcknowledged(log)]);
      return undefined;
    },
    { everyMs: 10 },
  );
  return last;
}

/** The state of a volume with records. */
export interface RecordsCheck {
  /** In the file. */
  readonly count: number;
  /** The number of the last one that was acknowledged, by this pod or by those before it. */
  readonly acknowledged: number;
  /** Empty when every acknowledged record is there, once, in its place and whole. */
  readonly faults: readonly string[];
}

/**
 * Reads a volume's records through its pod, which may go on writing: in its container, or by what
 * is published for it on its node. `acknowledged` is what pods before it have said.
 */
export async function checkRecords(
  ground: Ground,
  namespace: string,
  pod: string,
  ...acknowledged: readonly Acknowledged[]
): Promise<RecordsCheck> {
  // The log first: what it acknowledges must be in the file that is read after it.
  const all = [...acknowledged, lastAcknowledged(await ground.logs(namespace, pod))];
  const text = ground.capabilities.has("isolation")
    ? await readInside(ground, namespace, pod)
    : await readPublished(ground, namespace, pod);
  // The record that is being written while the file is read is not acknowledged yet.
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const count = whole.split("\n").length - 1;
  return { count, acknowledged: latestOf(all).record, faults: faultsOf(whole, all) };
}

async function readInside(ground: Ground, namespace: string, pod: string): Promise<string> {
  const { code, stdout, stderr } = await ground.exec(namespace, pod, ["cat", FILE]);
  if (code !== 0) throw new Error(`reading ${FILE} of ${namespace}/${pod}: ${stderr}`);
  return stdout;
}

async function readPublished(ground: Ground, namespace: string, pod: string): Promise<string> {
  const found = await ground.get<Pod>("Pod", pod, namespace);
  const claim = await ground.get<Claim>("PersistentVolumeClaim", `data-${pod}`, namespace);
  const volumes = `/var/lib/kubelet/pods/${found?.metadata.uid ?? ""}/volumes/kubernetes.io~csi`;
  const mount = `${volumes}/${claim?.spec.volumeName ?? ""}/mount`;
  return ground.onNode(found?.spec.nodeName ?? "").readFile(FILE.replace("/data", mount));
}

/**
 * Waits until a pod has acknowledged so many records more than it has now, so that there is
 * something to lose; the last one. @default 20; on the lab 5, which saves npm test many seconds
 */
export async function moreRecords(
  ground: Ground,
  namespace: string,
  pod: string,
  wanted?: number,
): Promise<Acknowledged> {
  const more = wanted ?? (ground.capabilities.has("isolation") ? 20 : 5);
  // A kubelet that has just been started does not serve logs yet.
  const before = await ground.waitFor(`the log of ${namespace}/${pod}`, async () =>
    lastAcknowledged(await ground.logs(namespace, pod)),
  );
  return await ground.waitFor(`${more} more records of ${namespace}/${pod}`, async (saw) => {
    const now = lastAcknowledged(await ground.logs(namespace, pod));
    saw(now);
    return now.record >= before.record + more ? now : undefined;
  });
}
