import type { Holder, Holders } from "../../agent/holders/holders.ts";
import type { ContainerRun } from "../../lab/index.ts";
import { uidOf } from "../../kube/objects.ts";

/** `<pool>/volumes/<volume>/<epoch>/…`, and where a kubelet publishes `<volume>`. */
const VOLUME_OF_DATA = /\/volumes\/([^/]+)\/[^/]+(?:\/[^/]+)?$/;
const VOLUME_OF_MOUNT = /\/kubernetes\.io~csi\/([^/]+)\/mount(?:\/|$)/;

/**
 * Who has hold of a volume, by the lab's own table of the processes it started: a container that
 * runs and has the volume mounted. The lab ends whatever a container has started together with it.
 */
export function nodeHolders(running: () => readonly ContainerRun[]): Holders {
  return {
    of: (directory) => {
      const volume = VOLUME_OF_DATA.exec(directory)?.[1];
      if (volume === undefined) return Promise.reject(new Error(`${directory} is no directory of a volume`));
      const holders = running().flatMap((run) => holdersIn(run, volume));
      return Promise.resolve(holders.length === 0 ? { proven: true } : { proven: false, holders, unreadable: [] });
    },
  };
}

function holdersIn({ container, mounts, pod }: ContainerRun, volume: string): Holder[] {
  return mounts
    .filter(({ source }) => VOLUME_OF_MOUNT.exec(source)?.[1] === volume)
    .map(({ mountPath: where }) => ({ pid: 1, command: container.name, podUID: uidOf(pod), how: "mount", where }));
}
