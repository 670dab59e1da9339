import { hasCode, systemCall } from "../../sys/libc.ts";

const KCMP_FILES = 2;
const KCMP_FS = 3;

const kcmp = systemCall("kcmp", { x64: 312, arm64: 272 }, ["int", "int", "int", "uint64_t", "uint64_t"]);

/** Whether two threads share one table of descriptors. */
export function shareDescriptors(a: number, b: number): boolean {
  return areSame(a, b, KCMP_FILES);
}

/**
 * Whether two threads share root and working directory, and therefore also their mount namespace.
 */
export function shareDirectories(a: number, b: number): boolean {
  return areSame(a, b, KCMP_FS);
}

/**
 * False also if the kernel cannot tell, or if one of the threads has ended. Then both are looked
 * at.
 */
function areSame(a: number, b: number, what: number): boolean {
  try {
    return kcmp.call("", a, b, what, 0, 0) === 0;
  } catch (error) {
    if (hasCode(error, "ESRCH", "ENOSYS", "EPERM")) return false;
    throw error;
  }
}
