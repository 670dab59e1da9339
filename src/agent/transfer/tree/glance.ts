/*
 * Reads the state of a name without opening it. Opening and closing an object takes as long as all
 * other calls for it together. That matters for a kept file, of which only the state is needed.
 *
 * Two looks at one name may find two objects. So a look counts only if no other process can write
 * to the tree, and if the state is compared with a record: an object that gets a name also gets
 * another change time.
 */
import { isSystemError } from "../../sys/libc.ts";
import { ATTRIBUTES, statat, type Stat } from "../../sys/stat.ts";
import { isUnchanged } from "./small-files.ts";
import { hasXattrsAt } from "./xattrs.ts";

/**
 * The state of the object `name`. Undefined: there is none, something is mounted there, or the
 * state cannot be read. Opening it shows which of these it is.
 */
export function glanceAt(dirfd: number, name: Buffer): Stat | undefined {
  try {
    const stat = statat(dirfd, name);
    return (stat.attributes & ATTRIBUTES.mountRoot) === 0n ? stat : undefined;
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/**
 * Whether the object `name`, which a glance has found in the state `before`, has no attributes that
 * belong to the data, and has not changed since. False as well if that cannot be read.
 */
export function isBareAt(dirfd: number, name: Buffer, before: Stat): boolean {
  try {
    if (hasXattrsAt(dirfd, name)) return false;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
  const after = glanceAt(dirfd, name);
  return after?.ino === before.ino && isUnchanged(before, after);
}
