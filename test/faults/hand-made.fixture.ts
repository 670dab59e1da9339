import { PROVISIONED_BY } from "../../src/api/names.ts";
import { PV_NODE } from "../../src/classic/names.ts";
import { KubeClient } from "../../src/kube/client.ts";
import {
  persistentVolumeClaims,
  persistentVolumes,
  type PersistentVolume,
  type PersistentVolumeClaim,
  namespaces,
} from "../../src/kube/kinds.ts";
import { LabApi, virtualClock } from "../../src/lab/index.ts";
import { silentLog } from "../../src/observe/log.ts";
import { ClusterView } from "./cluster-view.ts";
import { Disk } from "./disk.ts";
import { Draw } from "./draw.ts";
import { Guard } from "./guard.ts";
import { Trace } from "./trace.ts";

/** The product's namespace. */
export const PRODUCT = "product";

/**
 * A hand-made state for tests of the checks of a run: a store without controllers, the disks of two
 * nodes, and a guard on both.
 */
export class HandMade {
  readonly clock = virtualClock();
  readonly api = new LabApi({ clock: this.clock, random: new Draw(1, "api").random, log: silentLog });
  readonly client = new KubeClient(this.api.kube());
  /** Of node-a. */
  readonly disk = this.#disk("node-a");
  /** Of node-b. */
  readonly otherDisk = this.#disk("node-b");
  readonly view = new ClusterView(
    this.api,
    new Map([
      ["node-a", this.disk],
      ["node-b", this.otherDisk],
    ]),
  );
  /** What the guard has found. */
  readonly violations: string[] = [];
  readonly guard: Guard;

  constructor({ patienceMs = 0 } = {}) {
    this.guard = this.guardOf(this.api, patienceMs);
  }

  /** A guard that is told of the changes of a store, and writes what it finds to `violations`. */
  guardOf(store: Pick<LabApi, "onChange">, patienceMs = 0): Guard {
    return new Guard(store, this.view, {
      namespace: PRODUCT,
      clock: this.clock,
      patienceMs,
      onViolation: (text) => {
        this.violations.push(text);
      },
    });
  }

  async productNamespace(): Promise<void> {
    await this.client.create(namespaces, { metadata: { name: PRODUCT } });
  }

  /** A claim of the namespace `default`, Pending. */
  async claim(name = "data", className = "c"): Promise<PersistentVolumeClaim> {
    const resources = { requests: { storage: "1Gi" } };
    const spec = { accessModes: ["ReadWriteOnce"], storageClassName: className, resources };
    // No controller runs here that would remove the protection finalizer.
    const at = { name, namespace: "default" };
    const made = await this.client.create(persistentVolumeClaims, { metadata: at, spec });
    return this.client.patchMerge(persistentVolumeClaims, at, {
      metadata: { uid: made.metadata?.uid, finalizers: null },
    });
  }

  /** A volume for a claim, in `/opt/NAME` of node-a. */
  async volume(of: PersistentVolumeClaim, name: string, policy = "Delete"): Promise<PersistentVolume> {
    const { uid = "", name: claimName = "", namespace = "" } = of.metadata ?? {};
    const made = await this.client.create(persistentVolumes, {
      metadata: { name, annotations: { [PROVISIONED_BY]: "us", [PV_NODE]: "node-a" } },
      spec: {
        capacity: { storage: "1Gi" },
        accessModes: ["ReadWriteOnce"],
        storageClassName: "c",
        persistentVolumeReclaimPolicy: policy,
        claimRef: { uid, name: claimName, namespace },
        hostPath: { path: `/opt/${name}` },
      },
    });
    const plain = { metadata: { uid: made.metadata?.uid, finalizers: null } };
    return this.client.patchMerge(persistentVolumes, { name }, plain);
  }

  /** The same with its directory. */
  async madeVolume(of: PersistentVolumeClaim, policy = "Delete", name = "pvc-1"): Promise<PersistentVolume> {
    await this.disk.makeDirectories(`/opt/${name}`);
    return this.volume(of, name, policy);
  }

  #disk(name: string): Disk {
    const disk: Disk = new Disk(name, new Trace(false), (path) => {
      this.guard.removing(disk, path);
    });
    return disk;
  }
}
