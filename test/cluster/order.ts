/** Of the movable driver, which stays installed from its first file on. */
const MOVABLE = /\/test\/stories\/movable\b/;
const STORY = /\/test\/stories\//;

/**
 * In which order the cluster suite runs its files. By path: test/cluster, whose tests start
 * clusters of their own, comes before the stories, which share one. From the first story of the
 * movable driver on, those of the two drivers take turns as long as there are both: the namespace
 * that a classic story has deleted ends while a movable one runs, and the next classic one does not
 * have to wait for that.
 */
export function inOrder(files: readonly string[]): string[] {
  const sorted = files.toSorted();
  const begin = sorted.findIndex((file) => MOVABLE.test(file));
  if (begin === -1) return sorted;
  const isLater = (file: string): boolean => STORY.test(file) && sorted.indexOf(file) >= begin;
  const later = sorted.filter((file) => isLater(file));
  const movable = later.filter((file) => MOVABLE.test(file));
  const classic = later.filter((file) => !MOVABLE.test(file));
  const mixed = Array.from({ length: Math.max(movable.length, classic.length) }, (_, index) => [
    ...movable.slice(index, index + 1),
    ...classic.slice(index, index + 1),
  ]).flat();
  return [...sorted.slice(0, begin), ...mixed, ...sorted.slice(begin + later.length)];
}
