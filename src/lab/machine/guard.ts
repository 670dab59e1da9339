// Ends the child processes of a lab that cannot do so itself, because its process was killed with
// SIGKILL or has crashed.
//
// The guard is a shell that outlives this process. It reads the lab's process groups from a pipe.
// When the pipe ends and `close` has not written `.`, the guard kills the groups that are still
// listed and (where /proc exists) every process with the lab's mark in its environment. Then it
// removes the lab's directory, if it was given one, and ends. Invariant: a group is removed from
// the list as soon as its process has ended, so that a reused number is not killed.
import { spawn, type ChildProcess } from "node:child_process";
import { CONTAINER_VARIABLE } from "./stragglers.ts";

const SCRIPT = `
trap "" HUP INT TERM
groups=" "
mark=
while read -r sign group; do
  case $sign in
    .) exit 0 ;;
    =) mark=$group ;;
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="\${groups%% "$group" *} \${groups#* "$group" }" ;; esac ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
[ -z "$mark" ] || for process in /proc/[0-9]*; do
  if grep -qs "${CONTAINER_VARIABLE}=$mark" "$process/environ"; then kill -s KILL "\${process#/proc/}"; fi
done
[ -z "$1" ] || rm -rf -- "$1"
`;

export class Guard {
  readonly #shell: ChildProcess;
  readonly #ended: Promise<void>;

  /** `directory` is removed as well when the lab could not be closed. */
  constructor(directory?: string) {
    this.#shell = spawn("/bin/sh", ["-c", SCRIPT, "sh", directory ?? ""], {
      cwd: "/",
      // Ctrl-C is for this process, which tells the guard by ending.
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#ended = new Promise((resolve) => {
      this.#shell.once("exit", () => resolve());
      // Without /bin/sh no container can run either, and that is reported then.
      this.#shell.once("error", () => resolve());
    });
    // If the guard is gone, nothing can be done about it.
    this.#shell.stdin?.on("error", () => undefined);
    this.#shell.unref();
  }

  /** What containers started carries this at the beginning of the variable of stragglers.ts. */
  mark(marker: string): void {
    this.#shell.stdin?.write(`= ${marker}\n`);
  }

  /** A process group has begun. */
  add(group: number): void {
    this.#shell.stdin?.write(`+ ${String(group)}\n`);
  }

  /** A process group has ended. */
  remove(group: number): void {
    this.#shell.stdin?.write(`- ${String(group)}\n`);
  }

  /** Lets go of it, as the death of this process does. */
  abandon(): void {
    this.#shell.stdin?.end();
  }

  /** There is nothing to guard any more; resolves when the guard has ended. */
  async close(): Promise<void> {
    this.#shell.stdin?.end(".\n");
    // Until now the guard did not keep this process alive.
    this.#shell.ref();
    await this.#ended;
  }
}
