import type { Mount } from "./runtime.ts";

/** What of a machine's own files a script may name: programs and the harmless devices. Anything else that begins with / is data. */
const MACHINE =
  /^\/(bin|sbin|usr|lib|lib64|proc)(\/|$)|^\/dev\/(null|zero|urandom|random|stdin|stdout|stderr|tty|fd\/\d+)$/;
/** An absolute path in a text: not part of a longer word, of a relative path or of a URL. */
const ABSOLUTE = /(?<![\w./:}$*?~)-])\/(?:[\w.-][\w./-]*)?(?![\w])/g;

/** A script names data that no mount of its container stands for: it would touch the machine's own files. */
export class ForeignPath extends Error {
  override readonly name = "ForeignPath";
  constructor(path: string) {
    super(
      `the script names ${path}, which is not below a mount of its container; there is no chroot here, so it is not run`,
    );
  }
}

/** Replaces mount paths by where they lie on this machine. There is no chroot, so a text is changed instead of the root. */
export class PathRewriter {
  readonly #mounts: readonly { readonly mountPath: string; readonly machine: string }[];
  readonly #pattern: RegExp | undefined;

  constructor(mounts: readonly Mount[], onMachine: (nodePath: string) => string) {
    this.#mounts = mounts
      .map(({ mountPath, source }) => ({ mountPath: trimmed(mountPath), machine: onMachine(source) }))
      .filter(({ mountPath }) => mountPath !== "")
      // The longest first: a mount below another mount is its own.
      .toSorted((a, b) => b.mountPath.length - a.mountPath.length);
    const alternatives = this.#mounts.map(({ mountPath }) => mountPath.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    this.#pattern =
      alternatives.length === 0
        ? undefined
        : new RegExp(`(?<![\\w.\\-/}])(?:${alternatives.join("|")})(?=/|$|[^\\w.\\-])`, "g");
  }

  /** The text with its mount paths replaced. Throws a ForeignPath for one that names other data. */
  rewrite(text: string): string {
    for (const [path] of text.matchAll(ABSOLUTE)) {
      if (!this.#isMounted(path) && !MACHINE.test(path)) throw new ForeignPath(path);
      if (path.split("/").includes("..")) throw new ForeignPath(path);
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

function trimmed(path: string): string {
  return path.replace(/\/+$/, "");
}
