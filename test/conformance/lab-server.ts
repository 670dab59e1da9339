import { Agent } from "undici";
import { systemClock } from "../../src/effects/node/clock.ts";
import { systemRandom } from "../../src/effects/node/random.ts";
import {
  LabApi,
  makeCertificate,
  serveLab,
  startControllers,
  webhookCaller,
  type ManagerController,
} from "../../src/lab/index.ts";
import { silentLog } from "../../src/observe/log.ts";
import { ApiClient } from "../cluster/api.ts";
import { createBareNode } from "../cluster/bare-node.ts";
import { serveHook } from "./hook.ts";
import { BARE_NODES, type Server } from "./server.ts";
import { Wire } from "./wire.ts";

/**
 * As in a test cluster with bare nodes: all but the one that would find that they do not answer.
 */
const MANAGER: readonly ManagerController[] = [
  "binder",
  "claim-protection",
  "volume-protection",
  "statefulset",
  "deployment",
  "replicaset",
  "garbage-collector",
  "namespace",
  "pod-gc",
  "disruption",
  "serviceaccounts",
];

/**
 * A lab over HTTP that is what the recordings were made on: control plane, nodes without machines,
 * strict rights.
 */
export async function startLabServer(): Promise<Server> {
  const deps = { clock: systemClock(), random: systemRandom(), log: silentLog };
  const api = new LabApi(deps, { strictRbac: true });
  const controllers = startControllers({ ...deps, kube: api.kube() }, { machines: [], manager: MANAGER });
  // No pod of these nodes runs, so no Service leads anywhere.
  api.callWebhooks(webhookCaller(api, () => undefined));
  const served = await serveLab(api);
  const admin = new ApiClient(served.url, new Agent());
  for (let index = 0; index < BARE_NODES; index++) await createBareNode(admin, `bare-${String(index + 1)}`, index);
  await admin.close();
  // An API server that has just started knows nothing of what was before.
  api.compact();
  const wire = new Wire(served.url, undefined);
  const hook = await serveHook(await makeCertificate(deps.clock), () => undefined);
  return {
    wire,
    hook,
    forget: () => {
      api.compact();
      return Promise.resolve();
    },
    close: async () => {
      await wire.close();
      await controllers.stop();
      await served.close();
      await hook.close();
    },
  };
}
