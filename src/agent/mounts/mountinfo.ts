import type { RawPath } from "./raw-path.ts";

/** One line of `/proc/<pid>/mountinfo` (`man 5 proc_pid_mountinfo`). */
export interface MountEntry {
  /**
   * The id of the mount, the same in every namespace. `/proc/<pid>/fdinfo` has it as `mnt_id`. The
   * kernel uses it again after an unmount.
   */
  readonly id: number;
  readonly parentId: number;
  /** Device of the superblock. On Btrfs it differs from the st_dev of every file. */
  readonly major: number;
  readonly minor: number;
  /** The directory of the file system that is mounted. It follows renames, whoever makes them. */
  readonly root: RawPath;
  /** Whether the root was removed while it was mounted. `root` is then the path that it had. */
  readonly rootRemoved: boolean;
  /** The mount point, as seen from the root directory of the process whose mountinfo this is. */
  readonly mountPoint: RawPath;
  readonly fsType: string;
  readonly source: RawPath;
  /** Options of this mount ("rw", "nosuid"), apart from those of the whole file system. */
  readonly options: readonly string[];
  /** Options of the file system. */
  readonly superOptions: readonly string[];
}

/**
 * The suffix that the kernel appends to the path of a removed directory. No directory can have this
 * name, because a name has no slash.
 */
const REMOVED = "//deleted";
/** The field between the optional fields, whose number varies, and the last three fields. */
const SEPARATOR = "-";
const FIRST_OPTIONAL_FIELD = 6;

/**
 * Parses a whole mountinfo. Throws on a line that it does not understand, because an overlooked
 * mount would be dangerous.
 */
export function parseMountinfo(content: Buffer): MountEntry[] {
  return content
    .toString("latin1")
    .split("\n")
    .filter((line) => line !== "")
    .map(parseLine);
}

function parseLine(line: string): MountEntry {
  const fields = line.split(" ");
  const separator = fields.indexOf(SEPARATOR, FIRST_OPTIONAL_FIELD);
  const [id, parentId, device, root, mountPoint, options] = fields;
  const [fsType, source, superOptions] = separator < 0 ? [] : fields.slice(separator + 1);
  const [major, minor] = device?.split(":").map(Number) ?? [];
  if (
    id === undefined ||
    parentId === undefined ||
    root === undefined ||
    mountPoint === undefined ||
    options === undefined ||
    fsType === undefined ||
    source === undefined ||
    superOptions === undefined ||
    !isId(major) ||
    !isId(minor)
  ) {
    throw new Error(`a line of mountinfo that is not understood: ${JSON.stringify(line)}`);
  }
  const rootRemoved = root.endsWith(REMOVED);
  return {
    id: Number(id),
    parentId: Number(parentId),
    major,
    minor,
    root: unescapeOctal(rootRemoved ? root.slice(0, -REMOVED.length) : root),
    rootRemoved,
    mountPoint: unescapeOctal(mountPoint),
    fsType: unescapeOctal(fsType),
    source: unescapeOctal(source),
    options: options.split(","),
    superOptions: superOptions.split(","),
  };
}

function isId(value: number | undefined): value is number {
  return Number.isSafeInteger(value);
}

/**
 * The kernel writes space, tab, newline and backslash (and "#" in a source) as a backslash and
 * three octal digits.
 */
function unescapeOctal(field: string): RawPath {
  if (!field.includes("\\")) return field as RawPath;
  return field.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  ) as RawPath;
}
