/*
 * Looks at a name without opening it. To open an object and to close it again takes as long as all
 * other looks at it together, which counts for a kept file, of which nothing else is wanted.
 *
 * Two looks by one name may find two objects. So a look counts only where nobody can write to the
 * tree, and where the state that it finds is compared with a record: an object that gets a name
 * gets another change time too.
 */
import { isSystemError } from "../../sys/libc.ts";
import { ATTRIBUTES, statat, type Stat } from "../../sys/stat.ts";
import { isUnchanged } from "./small-files.ts";
import { hasXattrsAt } from "./xattrs.ts";

/**
 * The state of the object `name`. Undefined: there is none, something is mounted there, or the
 * state cannot be read. Opening it says which.
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
