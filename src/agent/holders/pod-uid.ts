/**
 * In a cgroup's path `pod<uid>`, with underscores under the systemd driver; static pods have a hash
 * without dashes.
 */
const IN_CGROUP =
  /pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})(?=[./]|$)/m;
const IN_TARGET = /\/pods\/([^/]+)\/(?:volumes|volume-subpaths)\//;

/** The pod of a process, from the text of its `/proc/<pid>/cgroup`. */
export function podOfCgroup(cgroup: string): string | undefined {
  return IN_CGROUP.exec(cgroup)?.[1]?.replaceAll("_", "-");
}

/** The pod that a mount below the kubelet's directory is made for. */
export function podOfTarget(mountPoint: string): string | undefined {
  return IN_TARGET.exec(mountPoint)?.[1];
}
