import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseCommandLine } from "../../classic/settings/options.ts";
import { systemRandom } from "../../effects/node/random.ts";
import { manualClock, settle } from "../../effects/testing/manual-clock.fixture.ts";
import { manyListeners } from "../../kube/many-listeners.ts";
import { KubeMetrics } from "../../kube/metrics.ts";
import { FaultyKube } from "../../kube/testing/faulty-kube.fixture.ts";
import { recordingLog } from "../../kube/testing/recording-log.fixture.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { messageOf } from "../../observe/errors.ts";
import { runClassic } from "./start.ts";

const NAMESPACE = "local-path-storage";
const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const LEASES = "/apis/coordination.k8s.io/v1/namespaces/local-path-storage/leases";
const REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const ACCOUNT = {
  name: `system:serviceaccount:${NAMESPACE}:provisioner`,
  groups: ["system:serviceaccounts", "system:authenticated"],
};

let clock = manualClock();
let lab = new LabKube({ clock }, { strictRbac: true });
let stops: AbortController[] = [];
beforeEach(() => {
  clock = manualClock();
  lab = new LabKube({ clock }, { strictRbac: true });
  lab.put(`/api/v1/namespaces/${NAMESPACE}`, {});
  // As with local-path-provisioner's own role: everything but Leases.
  grant("provisioner", ["", "storage.k8s.io"]);
  stops = [];
});
afterEach(() => {
  for (const stop of stops) stop.abort(new Error("the test is over"));
});

function grant(role: string, apiGroups: readonly string[]): void {
  const rules = [{ apiGroups, resources: ["*"], verbs: ["*"] }];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role };
  const subjects = [{ kind: "ServiceAccount", name: "provisioner", namespace: NAMESPACE }];
  lab.put(`${RBAC}/clusterroles/${role}`, { rules } as never);
  lab.put(`${RBAC}/clusterrolebindings/${role}`, { roleRef, subjects } as never);
}

const grantLeases = (): void => {
  grant("leases", ["coordination.k8s.io"]);
};

/** A replica of `start`, with the rights of the ServiceAccount. */
function start(hostname: string) {
  const config = JSON.stringify({ nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: ["/opt/lpp"] }] });
  const args = ["start", "--config", config, "--helper-pod-file", "/helperPod.yaml"];
  const command = parseCommandLine(args, {}, "test");
  if (command.kind !== "start") throw new Error("the command line does not start the driver");
  const helperPod = "metadata: {name: helper-pod}\nspec: {containers: [{name: helper-pod, image: busybox}]}";
  const kube = new FaultyKube(lab.api.kube(ACCOUNT));
  const log = recordingLog();
  const registry = new Registry();
  const stop = new AbortController();
  manyListeners(stop.signal);
  stops.push(stop);
  const effects = {
    clock,
    random: systemRandom(),
    files: { readText: () => Promise.resolve(helperPod), exists: () => Promise.resolve(true) },
    log,
    hostname,
    kube,
    registry,
    metrics: new KubeMetrics(registry),
    serve: () => Promise.resolve({ port: 0, close: () => Promise.resolve() }),
  };
  let end: string | undefined;
  runClassic(command.options, effects, stop.signal).then(
    () => (end = "ended"),
    (error: unknown) => (end = messageOf(error)),
  );
  const wrote = (msg: string) => log.lines.some((line) => line.msg === msg);
  return {
    kube,
    stop: () => {
      stop.abort(new Error("the process is to stop"));
    },
    end: () => end,
    isLeading: () => wrote("Provisioner started") && !wrote("Provisioner stopped"),
  };
}

const reviews = ({ kube }: { readonly kube: FaultyKube }): number =>
  kube.log.filter((line) => line === `POST ${REVIEWS}`).length;

test("a leader without a Lease ends when the right to one is granted, and another leads alone", async () => {
  const old = start("old");
  await settle(60);
  expect(old.isLeading()).toBe(true);
  await clock.advance(600_000);
  expect(old.isLeading()).toBe(true);
  grantLeases();
  const next = start("next");
  await settle(60);
  await clock.advance(60_000);
  await settle(60);
  expect([old.isLeading(), next.isLeading()]).toEqual([false, true]);
  expect(old.end()).toContain("the right to Leases was granted");
  const holder = expect.stringMatching(/^next_/) as unknown;
  expect(lab.list(LEASES)).toMatchObject([{ spec: { holderIdentity: holder } }]);
});

test("a leader without a Lease continues when it cannot ask for the right, and asks again", async () => {
  const replica = start("one");
  await settle(60);
  replica.kube.intercept = ({ path }) => {
    if (path === REVIEWS) throw new Error("no answer");
  };
  grantLeases();
  await clock.advance(600_000);
  expect(replica.isLeading()).toBe(true);
  replica.kube.intercept = () => undefined;
  await clock.advance(60_000);
  await settle(60);
  expect(replica.end()).toContain("the right to Leases was granted");
});

test("a leader without a Lease ends without an error when it is told to", async () => {
  const replica = start("one");
  await settle(60);
  replica.stop();
  await settle(60);
  expect(replica.end()).toBe("ended");
});

test("a leader with a Lease does not ask for the right again", async () => {
  grantLeases();
  const replica = start("one");
  await settle(60);
  expect(replica.isLeading()).toBe(true);
  const before = reviews(replica);
  await clock.advance(600_000);
  expect(reviews(replica)).toBe(before);
  expect(replica.end()).toBeUndefined();
});
