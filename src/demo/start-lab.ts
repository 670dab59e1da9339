import { KubeClient } from "../kube/client.ts";
import { loadKubeconfig } from "../kube/config/load.ts";
import { manyListeners } from "../kube/many-listeners.ts";
import { httpKube } from "../kube/transport/http.ts";
import { makeCertificate, startMachineLab, type MachineLab } from "../lab/index.ts";
import { background } from "../observe/background.ts";
import { VERSION } from "../observe/version.ts";
import { ClusterView } from "./cluster/view.ts";
import { demoErrors } from "./errors.ts";
import { startAgents } from "./agents/start-agents.ts";
import { isProductImage, MOVABLE, type Product } from "./product.ts";
import { follow } from "./timeline/follow.ts";
import type { Timeline } from "./timeline/timeline.ts";
import type { Workplace } from "./workplace.ts";
import type { DemoWorld } from "./world.ts";

/**
 * A running lab, and the demo's client and watches, which use HTTPS like kubectl.
 */
export interface RunningLab {
  readonly lab: MachineLab;
  readonly client: KubeClient;
  readonly view: ClusterView;
  /** The administrator's. */
  readonly kubeconfig: string;
  /** Starts the agents, one per node; undefined where the product has none. */
  readonly startAgents: (() => Promise<void>) | undefined;
  /** Resolves with the ids of the processes that did not end. */
  close(): Promise<readonly number[]>;
}

/** The differences from a real cluster, printed at the start. */
const REMARKS = [
  "containers are child processes without a chroot: their mount paths are replaced by directories of the node",
  "images other than Mooring's, busybox, alpine, debian and ubuntu are not played: Ready, and idle",
];

const AGENTS = "Mooring's agents run in this process, one per node: mounts are symlinks, for nobody needs to be root";

/** Starts it in the workplace. Rejects with a CodedError when the product has not been built. */
export async function startLab(
  world: DemoWorld,
  workplace: Workplace,
  timeline: Timeline,
  { nodes, product }: { readonly nodes: readonly string[]; readonly product: Product },
): Promise<RunningLab> {
  const { clock, files, log, programs } = world;
  const program = programs[product.program];
  if (!(await files.exists(program))) throw demoErrors.NOT_BUILT({ file: program });
  const lab = await startMachineLab(world, {
    directory: workplace.directory,
    guard: workplace.guard,
    nodes,
    tls: await makeCertificate(clock),
    product: {
      plays: isProductImage,
      programs: { [product.program]: [process.execPath, program] },
    },
    timeline: (text) => {
      timeline.record([{ actor: "lab", text }]);
    },
  });
  const where = workplace.remark === undefined ? [] : [workplace.remark];
  const own = product === MOVABLE ? [...REMARKS, AGENTS] : REMARKS;
  const remarks = [...where, `an in-memory Kubernetes listens at ${lab.url}, for you alone`, ...own];
  timeline.record(remarks.map((text) => ({ actor: "lab", text })));
  const end = new AbortController();
  manyListeners(end.signal);
  try {
    const kubeconfig = await workplace.write("kubeconfig", lab.kubeconfig());
    const cluster = await loadKubeconfig({ files, env: {}, explicitPath: kubeconfig });
    const kube = httpKube({ ...world, cluster, userAgent: `moor/${VERSION}` });
    const client = new KubeClient(kube);
    const view = new ClusterView({ ...world, client }, product.namespace);
    follow(view, timeline);
    const watching = background(log, "view", view.run(end.signal));
    await view.synced(world.interrupts.signal);
    let endAgents = (): Promise<void> => Promise.resolve();
    return {
      lab,
      client,
      view,
      kubeconfig,
      startAgents:
        product === MOVABLE
          ? async () => {
              endAgents = await startAgents(world, lab);
            }
          : undefined,
      close: async () => {
        end.abort(new Error("the demo ends"));
        await endAgents();
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
