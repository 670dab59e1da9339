// The writes that make and bind a volume by express bind: for each claim one after the other, for
// all claims at once, and nothing in between. No queue, no limit, no waiting, no events.
import {
  persistentVolumeClaims,
  persistentVolumes,
  storageClasses,
  type PersistentVolumeClaim,
} from "../../../src/kube/kinds.ts";
import { nameOf, namespaceOf, uidOf, type Stored } from "../../../src/kube/objects.ts";
import { Informer } from "../../../src/kube/watch/informer.ts";
import { background } from "../../../src/observe/background.ts";
import { volumeNameOf } from "../../../src/provision/claims/claims.ts";
import { volumeFor } from "../../../src/provision/claims/volume.ts";
import { bindUnannotatedClaim, markClaimBound, volumePhase } from "../../../src/provision/express/patches.ts";
import { connect } from "../connect.ts";

const [kubeconfig = "", className = ""] = process.argv.slice(2);
const connection = await connect(kubeconfig);
const { client } = connection;
const storageClass = await client.get(storageClasses, { name: className });
const status = { subresource: "status" } as const;
const begun = new Set<string>();
const claims = new Informer<PersistentVolumeClaim>(connection, { resource: persistentVolumeClaims });
claims.onChange(({ type, object }) => {
  if (type === "deleted" || object.spec?.storageClassName !== className || begun.has(uidOf(object))) return;
  begun.add(uidOf(object));
  void background(connection.log, "serving a claim", serve(object));
});

async function serve(claim: Stored<PersistentVolumeClaim>): Promise<void> {
  const volumeName = volumeNameOf(claim);
  const at = { name: nameOf(claim), namespace: namespaceOf(claim) };
  const made = { annotations: {}, spec: { hostPath: { path: `/nowhere/${volumeName}` } } };
  const volume = await client.create(
    persistentVolumes,
    volumeFor({ claim, storageClass, volumeName, node: undefined }, made, undefined),
  );
  await client.patchJson(persistentVolumes, { name: volumeName }, volumePhase(volume, "Pending", "Bound"), status);
  const binding = bindUnannotatedClaim(claim, volumeName, storageClass.provisioner);
  await client.patchMerge(persistentVolumeClaims, at, binding);
  await client.patchJson(persistentVolumeClaims, at, markClaimBound(claim, volume), status);
}

await claims.run(new AbortController().signal);
