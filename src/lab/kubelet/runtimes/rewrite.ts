import type { Mount } from "./runtime.ts";

/**
 * The machine's own files that a script may name: programs, kernel files, and harmless devices. Any
 * other absolute path is data.
 */
const MACHINE = [
  /^\/(bin|sbin|usr|lib|lib64)(\/|$)/,
  /^\/dev\/(null|zero|urandom|random|stdin|stdout|stderr|tty|fd\/\d+)$/,
  /^\/proc\/?$/,
  /^\/proc\/(cpuinfo|filesystems|loadavg|meminfo|mounts|stat|uptime|version|sys\/kernel\/(hostname|random\/uuid))$/,
  /^\/proc\/(self|\d+)(\/(cgroup|cmdline|comm|environ|fd(\/\d+)?|limits|mountinfo|mounts|stat|statm|status)?)?$/,
];
const DEVICE = /^\/dev\//;
/**
 * Where an absolute path may begin: not inside of a longer word, of a relative path or of a URL;
 * but right behind an option of one letter (`-C/etc`), and behind the `-` of `${D:-/data}`.
 */
const START = String.raw`(?:(?<![\w./}$*?~)])(?<!:(?=\/\/))|(?<=(?:^|[\s"'=;|&(])-[A-Za-z]))`;
const ABSOLUTE = new RegExp(String.raw`${START}\/+(?:[\w.-][\w./-]*)?(?![\w])`, "g");
/**
 * What comes before a path that is written to: a redirection, or a command that changes each, or
 * the last, of its operands.
 */
const REDIRECTED = />\|?\s*["']?$/;
const CHANGES_EACH = /(?:^|[\s;|&(])(?:\S*\/)?(?:rm|rmdir|mkdir|touch|tee|truncate|chmod|chown|mv)\s[^\n;|&]*$/;
const CHANGES_LAST = /(?:^|[\s;|&(])(?:\S*\/)?(?:cp|ln|install|dd)\s[^\n;|&]*$/;
const LAST = /^["']?\s*(?:$|[\n;|&)])/;
/** `/proc/$pid/root/…` is the machine's root. */
const THROUGH_PROC = /^[^\s"';|&]*\/(?:root|cwd)\b/;

/**
 * A script names data outside its container's mounts: it would touch the machine's own files.
 */
export class ForeignPath extends Error {
  override readonly name = "ForeignPath";
  constructor(path: string) {
    super(
      `the script names ${path}, which is not below a mount of its container; there is no chroot here, so it is not run`,
    );
  }
}

/**
 * Replaces a container's mount paths in a text by the paths on this machine, because there is no
 * chroot.
 */
export class PathRewriter {
  readonly #mounts: readonly { readonly mountPath: string; readonly machine: string }[];
  readonly #pattern: RegExp | undefined;

  constructor(mounts: readonly Mount[], onMachine: (nodePath: string) => string) {
    this.#mounts = mounts
      .map(({ mountPath, source }) => ({ mountPath: trimmed(mountPath), machine: onMachine(source) }))
      .filter(({ mountPath }) => mountPath !== "")
      // The longest first, so that a mount inside another mount wins.
      .toSorted((a, b) => b.mountPath.length - a.mountPath.length);
    const alternatives = this.#mounts.map(({ mountPath }) => mountPath.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    this.#pattern =
      alternatives.length === 0
        ? undefined
        : new RegExp(String.raw`${START}(?:${alternatives.join("|")})(?=/|$|[^\w.\-])`, "g");
  }

  /**
   * The text with its mount paths replaced. Throws a ForeignPath for one that names other data, or
   * that would change the machine's programs. `before` is what comes before it in its command.
   */
  rewrite(text: string, before = ""): string {
    for (const { 0: path, index } of text.matchAll(ABSOLUTE)) {
      const after = text.slice(index + path.length);
      const isForeign = !this.#isMounted(path) && !isMachine(path, before + text.slice(0, index), after);
      if (isForeign || path.split("/").includes("..")) throw new ForeignPath(path);
    }
    return this.replace(text);
  }

  /** The text with its mount paths replaced, whatever else it names. */
  replace(text: string): string {
    if (this.#pattern === undefined) return text;
    return text.replace(
      this.#pattern,
      (found) => this.#mounts.find(({ mountPath }) => mountPath === found)?.machine ?? found,
    );
  }

  #isMounted(path: string): boolean {
    return this.#mounts.some(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath}/`));
  }
}

/** The absolute paths in a text. */
export function absolutePaths(text: string): readonly string[] {
  return [...text.matchAll(ABSOLUTE)].map(([path]) => path);
}

function isMachine(path: string, before: string, after: string): boolean {
  if (!MACHINE.some((allowed) => allowed.test(path))) return false;
  if (DEVICE.test(path)) return true;
  if (path.startsWith("/proc") && THROUGH_PROC.test(after)) return false;
  return !(REDIRECTED.test(before) || CHANGES_EACH.test(before) || (CHANGES_LAST.test(before) && LAST.test(after)));
}

function trimmed(path: string): string {
  return path.replace(/\/+$/, "");
}
