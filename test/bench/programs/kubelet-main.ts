// Plays the kubelet for helper pods on bare nodes: each has succeeded as soon as it appears.
import { Informer } from "../../../src/kube/watch/informer.ts";
import { pods, type Pod } from "../../../src/kube/kinds.ts";
import { isNotFound } from "../../../src/kube/errors.ts";
import { background } from "../../../src/observe/background.ts";
import { connect } from "../connect.ts";

const [kubeconfig = "", namespace = ""] = process.argv.slice(2);
const connection = await connect(kubeconfig);
const informer = new Informer<Pod>(connection, { resource: pods, namespace });
informer.onChange(({ type, object: pod }) => {
  if (type !== "added" || pod.status?.phase === "Succeeded") return;
  void background(connection.log, "ending a helper pod", succeed(pod));
});
await informer.run(new AbortController().signal);

async function succeed(pod: Pod): Promise<void> {
  const at = { name: pod.metadata?.name ?? "", namespace };
  try {
    await connection.client.patchMerge(pods, at, { status: { phase: "Succeeded" } }, { subresource: "status" });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
