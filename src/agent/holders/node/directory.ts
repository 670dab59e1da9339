import { closeSync, constants, openSync, readlinkSync } from "node:fs";
import { mountErrors } from "../../mounts/errors.ts";
import { locationOf, type Location } from "../../mounts/location.ts";
import { parseMountinfo } from "../../mounts/mountinfo.ts";
import { rawPath } from "../../mounts/raw-path.ts";
import { statDescriptor, type Device } from "../../sys/stat.ts";
import { viewOf, type View } from "../inside.ts";
import { mountIdOf, readProc } from "./proc.ts";

/** The directory whose holders are wanted. It is open during the search. */
export interface Directory {
  readonly path: string;
  readonly fd: number;
  readonly location: Location;
  /** The part of the directory that our own mount shows. */
  readonly view: View;
  /** The device by stat. On Btrfs it differs from the device of the location. */
  readonly device: Device;
}

/**
 * Opens a directory, calls `use`, and closes it. It is not opened with O_PATH, because
 * open_by_handle_at refuses that on older kernels.
 */
export function withDirectory<T>(path: string, use: (directory: Directory) => T): T {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const entries = parseMountinfo(Buffer.from(readProc("/proc/self/mountinfo") ?? "", "latin1"));
    const mountId = mountIdOf(fd);
    const seen = rawPath(readlinkSync(`/proc/self/fd/${String(fd)}`, { encoding: "buffer" }));
    const location = locationOf(entries, mountId, seen);
    const mount = entries.find((entry) => entry.id === mountId);
    if (location === undefined || mount === undefined) throw mountErrors.NOT_LOCATED({ path });
    return use({ path, fd, location, view: viewOf(mount, location), device: statDescriptor(fd).dev });
  } finally {
    closeSync(fd);
  }
}
