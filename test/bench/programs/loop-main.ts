// The product's provisioning loop as its programs compose it, with a driver that makes nothing.
import { Registry } from "prom-client";
import { EventRecorder } from "../../../src/kube/events/event-recorder.ts";
import { Informer } from "../../../src/kube/watch/informer.ts";
import {
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  storageClasses,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type StorageClass,
} from "../../../src/kube/kinds.ts";
import { manyListeners } from "../../../src/kube/many-listeners.ts";
import { volumeIndexes } from "../../../src/provision/indexes.ts";
import { provisionMetrics } from "../../../src/provision/metrics.ts";
import { runProvisioner } from "../../../src/provision/provisioner.ts";
import { connect } from "../connect.ts";
import { nothingDriver } from "./nothing-driver.ts";

const [kubeconfig = "", provisioner = ""] = process.argv.slice(2);
const connection = await connect(kubeconfig);
const stop = new AbortController();
manyListeners(stop.signal);
process.once("SIGTERM", () => {
  stop.abort(new Error("asked to stop"));
});

const informers = {
  claims: new Informer<PersistentVolumeClaim>(connection, { resource: persistentVolumeClaims }),
  volumes: new Informer<PersistentVolume>(connection, { resource: persistentVolumes, indexes: volumeIndexes }),
  classes: new Informer<StorageClass>(connection, { resource: storageClasses }),
  nodes: new Informer<Node>(connection, { resource: nodes }),
};
const all = Object.values(informers);
const watching = Promise.all(all.map((informer) => informer.run(stop.signal)));
await Promise.all(all.map((informer) => informer.synced(stop.signal)));

const registry = new Registry();
await runProvisioner(
  {
    ...connection,
    ...informers,
    recorder: new EventRecorder(connection, { component: "bench-loop" }),
    isLeading: () => true,
    metrics: provisionMetrics(registry),
  },
  [nothingDriver(provisioner)],
  { express: true, owner: "bench/loop", namespace: "bench" },
  stop.signal,
);
await watching;
// For whoever reads the log: how many claims were bound by whom, and how long the answers took.
process.stdout.write(await registry.metrics());
process.exit(0);
