import { KubeClient } from "../../kube/client.ts";
import { loadKubeconfig } from "../../kube/config/load.ts";
import { manyListeners } from "../../kube/many-listeners.ts";
import { httpKube } from "../../kube/transport/http.ts";
import { startMachineLab, type MachineLab } from "../../lab/machine/machine-lab.ts";
import { makeCertificate } from "../../lab/server/certificate.ts";
import { background } from "../../observe/background.ts";
import { VERSION } from "../classic/version.ts";
import { ClusterView } from "./cluster/view.ts";
import { demoErrors } from "./errors.ts";
import { isProductImage } from "./product.ts";
import { follow } from "./timeline/follow.ts";
import type { Timeline } from "./timeline/timeline.ts";
import type { Workplace } from "./workplace.ts";
import type { DemoWorld } from "./world.ts";

/** A lab that runs, and what the demo sees it through: a client and watches over HTTPS, as kubectl would have them. */
export interface RunningLab {
  readonly lab: MachineLab;
  readonly client: KubeClient;
  readonly view: ClusterView;
  /** The administrator's. */
  readonly kubeconfig: string;
  /** Resolves with the process ids of what would not end. */
  close(): Promise<readonly number[]>;
}

/** What the lab does otherwise than a cluster, said before it shows. */
const REMARKS = [
  "containers are child processes without a chroot: their mount paths are replaced by directories of the node",
  "images other than Mooring's, busybox, alpine, debian and ubuntu are not played: Ready, and idle",
];

/** Starts it in the workplace. Rejects with a CodedError when the product has not been built. */
export async function startLab(
  world: DemoWorld,
  workplace: Workplace,
  timeline: Timeline,
  nodes: readonly string[],
): Promise<RunningLab> {
  const { clock, files, log, provisioner } = world;
  if (!(await files.exists(provisioner))) throw demoErrors.NOT_BUILT({ file: provisioner });
  const lab = await startMachineLab(world, {
    directory: workplace.directory,
    guard: workplace.guard,
    nodes,
    tls: await makeCertificate(clock),
    product: {
      plays: isProductImage,
      programs: { "local-path-provisioner": [process.execPath, provisioner] },
    },
    timeline: (text) => {
      timeline.record([{ actor: "lab", text }]);
    },
  });
  const where = workplace.remark === undefined ? [] : [workplace.remark];
  const remarks = [...where, `an in-memory Kubernetes listens at ${lab.url}, for you alone`, ...REMARKS];
  timeline.record(remarks.map((text) => ({ actor: "lab", text })));
  const end = new AbortController();
  manyListeners(end.signal);
  try {
    const kubeconfig = await workplace.write("kubeconfig", lab.kubeconfig());
    const cluster = await loadKubeconfig({ files, env: {}, explicitPath: kubeconfig });
    const kube = httpKube({ ...world, cluster, userAgent: `moor/${VERSION}` });
    const client = new KubeClient(kube);
    const view = new ClusterView({ ...world, client });
    follow(view, timeline);
    const watching = background(log, "view", view.run(end.signal));
    await view.synced(world.interrupts.signal);
    return {
      lab,
      client,
      view,
      kubeconfig,
      close: async () => {
        end.abort(new Error("the demo ends"));
        await watching;
        await kube.close();
        return lab.close();
      },
    };
  } catch (error) {
    end.abort(error);
    await lab.close();
    throw error;
  }
}
