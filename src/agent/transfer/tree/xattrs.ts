import { hasCode } from "../../sys/libc.ts";
import { getXattr, listXattrs, listXattrsAt, removeXattr } from "../../sys/xattr.ts";

const PREFIXES = ["user.", "trusted."];
export const ACCESS_ACL = "system.posix_acl_access";
/** XFS keeps the ACLs under these names and shows them twice, also as system.posix_acl_*. */
const ACLS_OF_XFS = new Set(["trusted.SGI_ACL_FILE", "trusted.SGI_ACL_DEFAULT"]);
const NAMES = new Set(["security.capability", ACCESS_ACL, "system.posix_acl_default"]);

/**
 * Whether an extended attribute belongs to the data. security.selinux does not, because the runtime
 * labels a volume for the pod that mounts it. Attributes by which a file system shows its own state
 * (btrfs.*, the ACLs of XFS under its own names) do not either.
 */
export function isCopied(name: string): boolean {
  if (ACLS_OF_XFS.has(name)) return false;
  return NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix));
}

/**
 * The extended attributes of an open object that belong to the data, sorted by name. An attribute
 * that is removed meanwhile is left out.
 */
export function* readXattrs(fd: number): Generator<{ readonly name: string; readonly value: Buffer }, void> {
  for (const name of listXattrs(fd)) {
    const value = isCopied(name) ? valueOf(fd, name) : undefined;
    if (value !== undefined) yield { name, value };
  }
}

/**
 * Whether an open object has an extended attribute that belongs to the data. `isPath`: the
 * descriptor is known to be an O_PATH one.
 */
export function hasXattrs(fd: number, isPath = false): boolean {
  return listXattrs(fd, isPath).some(isCopied);
}

/** The same of `name` in `dirfd`, which is not opened. Does not follow a symlink. */
export function hasXattrsAt(dirfd: number, name: Buffer): boolean {
  return listXattrsAt(dirfd, name).some(isCopied);
}

/** Whether an object has the extended attribute `name` with this value. */
export function hasXattr(fd: number, name: string, value: Buffer): boolean {
  return valueOf(fd, name)?.equals(value) === true;
}

function valueOf(fd: number, name: string): Buffer | undefined {
  try {
    return getXattr(fd, name);
  } catch (error) {
    if (hasCode(error, "ENODATA")) return undefined;
    throw error;
  }
}

/**
 * Removes the attributes that belong to the data and are not in `names`. A new object can have
 * some, because it inherits ACLs from its directory.
 */
export function removeOtherXattrs(fd: number, names: ReadonlySet<string>): void {
  for (const name of listXattrs(fd)) if (isCopied(name) && !names.has(name)) removeXattr(fd, name);
}
