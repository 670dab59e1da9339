import { isAlreadyExists } from "../../../kube/errors.ts";
import { configMaps, namespaces } from "../../../kube/kinds.ts";
import { serviceAccounts } from "../../objects/kinds.ts";
import { limitedClient, QueueController, type Controller, type Process } from "../../process/process.ts";

const ACCOUNT = "default";
const ROOT_CA = "kube-root-ca.crt";

/**
 * Each namespace has a ServiceAccount `default` and a ConfigMap with the cluster's certificate
 * authority, and gets them again when they are deleted.
 */
export function serviceAccountController(process: Process, certificate = ""): Controller {
  const { client } = limitedClient(process, "service-account-controller");
  // Upstream a controller of its own, with a rate limit of its own.
  const { client: publisher } = limitedClient(process, "root-ca-certificate-publisher");
  const all = process.informers.of(namespaces);
  const accounts = process.informers.of(serviceAccounts);
  const maps = process.informers.of(configMaps);
  const made = async (creation: Promise<unknown>): Promise<void> => {
    await creation.catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
    });
  };
  const controller = new QueueController(process, { name: "serviceaccount" }, async (namespace) => {
    const object = all.store.get(namespace);
    if (object === undefined || object.metadata?.deletionTimestamp !== undefined) return;
    const account = async (): Promise<void> => {
      if (accounts.store.get(`${namespace}/${ACCOUNT}`) !== undefined) return;
      await made(client.create(serviceAccounts, { metadata: { name: ACCOUNT, namespace } }));
    };
    const map = async (): Promise<void> => {
      if (maps.store.get(`${namespace}/${ROOT_CA}`) !== undefined) return;
      const data = { "ca.crt": certificate };
      await made(publisher.create(configMaps, { metadata: { name: ROOT_CA, namespace }, data }));
    };
    await Promise.all([account(), map()]);
  });
  all.onChange(({ type, key }) => {
    if (type !== "deleted") controller.queue.add(key);
  });
  for (const [informer, name] of [
    [accounts, ACCOUNT],
    [maps, ROOT_CA],
  ] as const) {
    informer.onChange(({ type, object }) => {
      const { namespace } = object.metadata ?? {};
      if (type === "deleted" && object.metadata?.name === name && namespace !== undefined) {
        controller.queue.add(namespace);
      }
    });
  }
  return controller;
}
