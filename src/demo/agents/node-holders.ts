import type { Holder, Holders } from "../../agent/holders/holders.ts";
import type { ContainerRun } from "../../lab/index.ts";
import { uidOf } from "../../kube/objects.ts";

/** `<pool>/volumes/<volume>/<epoch>/…`: the data of a volume. */
const VOLUME_OF_DATA = /\/volumes\/([^/]+)\/[^/]+(?:\/[^/]+)?$/;
const VOLUME_OF_MOUNT = /\/kubernetes\.io~csi\/([^/]+)\/mount(?:\/|$)/;

/**
 * The holders of a volume, from the lab's own table of the processes it has started: the running
 * containers that have the volume mounted. When a container ends, the lab also ends every process
 * that it has started.
 */
export function nodeHolders(running: () => readonly ContainerRun[]): Holders {
  return {
    of: (directory) => {
      const volume = VOLUME_OF_DATA.exec(directory)?.[1];
      if (volume === undefined) return Promise.reject(new Error(`${directory} is not the directory of a volume`));
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
