const OWN_NAME = /^pvc-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Whether a directory can only be this volume's: its path has the volume's name, and with it the
 * UID of the claim, in one of its segments. Nobody can have put data there before the claim was
 * there. Any other directory (path patterns) may hold what an earlier claim of the same name, or a
 * volume that is retained, has left.
 */
export function isOwnDirectory(path: string, volumeName: string): boolean {
  return OWN_NAME.test(volumeName) && path.split("/").some((segment) => segment.includes(volumeName));
}
