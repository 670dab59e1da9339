// The least a provisioner can do by the external provisioner protocol: post the PersistentVolume,
// and leave binding to the controller manager.
import { PROVISIONED_BY, STORAGE_PROVISIONER } from "../../../src/api/names.ts";
import { Informer } from "../../../src/kube/watch/informer.ts";
import { persistentVolumeClaims, persistentVolumes, type PersistentVolumeClaim } from "../../../src/kube/kinds.ts";
import { background } from "../../../src/observe/background.ts";
import { connect } from "../connect.ts";

const [kubeconfig = "", provisioner = ""] = process.argv.slice(2);
const connection = await connect(kubeconfig);
const claims = new Informer<PersistentVolumeClaim>(connection, { resource: persistentVolumeClaims });
const posted = new Set<string>();
claims.onChange(({ type, object: claim }) => {
  const { uid, name, namespace, annotations } = claim.metadata;
  if (type === "deleted" || annotations?.[STORAGE_PROVISIONER] !== provisioner || posted.has(uid)) return;
  posted.add(uid);
  const posting = connection.client.create(persistentVolumes, {
    metadata: { name: `pvc-${uid}`, annotations: { [PROVISIONED_BY]: provisioner } },
    spec: {
      accessModes: claim.spec?.accessModes ?? [],
      capacity: { storage: claim.spec?.resources?.requests?.["storage"] ?? "" },
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: namespace ?? "", name: name ?? "", uid },
      hostPath: { path: `/nowhere/${uid}` },
      persistentVolumeReclaimPolicy: "Delete",
      storageClassName: claim.spec?.storageClassName ?? "",
    },
  });
  void background(connection.log, "posting a volume", posting);
});
await claims.run(new AbortController().signal);
