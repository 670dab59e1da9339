import { systemDisk } from "../../effects/node/disk.ts";
import type { Disk } from "../../effects/disk.ts";

/** Maps a path of the node to its path on this machine. */
export type OnMachine = (path: string) => string;

/**
 * The disk of a node that is a directory of this machine. It does not set owners: everything
 * belongs to the user who runs the demo.
 */
export function nodeDisk(at: OnMachine): Disk {
  const disk = systemDisk();
  return {
    readText: (path) => disk.readText(at(path)),
    write: (path, text) => disk.write(at(path), text),
    rename: (from, to) => disk.rename(at(from), at(to)),
    syncDirectory: (path) => disk.syncDirectory(at(path)),
    makeDirectory: (path, { mode }) => disk.makeDirectory(at(path), { mode }),
    removeDirectory: (path) => disk.removeDirectory(at(path)),
    removeFile: (path) => disk.removeFile(at(path)),
    list: (path) => disk.list(at(path)),
    stat: (path) => disk.stat(at(path)),
    expectWritable: (path) => disk.expectWritable(at(path)),
    room: (path) => disk.room(at(path)),
  };
}
