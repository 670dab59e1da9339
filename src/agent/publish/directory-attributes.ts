import type { LocalVolumeSpec } from "../../api/kinds/local-volume.ts";
import type { DirectoryAttributes } from "../../effects/disk.ts";

const OCTAL = 8;

/** The mode and owner that the LocalVolume gives for a volume's directory. */
export function directoryAttributes({ mode, uid, gid }: LocalVolumeSpec["directory"]): DirectoryAttributes {
  return { mode: Number.parseInt(mode, OCTAL), uid, gid };
}
