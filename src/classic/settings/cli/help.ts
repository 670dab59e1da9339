import { type Flag, GLOBAL_FLAGS, HELP, START_FLAGS } from "./flags.ts";

const PROGRAM = "local-path-provisioner";

/** What `--help`, and the program without a command, print. */
export function programHelp(version: string): string {
  return `NAME:
   ${PROGRAM} - Local Path Provisioner

USAGE:
   ${PROGRAM} [global options] [command [command options]]

VERSION:
   ${version}

COMMANDS:
   start    provision and delete volumes until it is stopped
   help, h  show this, or the help of a command

GLOBAL OPTIONS:
${table(GLOBAL_FLAGS)}
`;
}

/** What `start --help` prints. */
export function startHelp(): string {
  return `NAME:
   ${PROGRAM} start - provision and delete volumes until it is stopped

USAGE:
   ${PROGRAM} start [options]

OPTIONS:
${table([...START_FLAGS, HELP])}
`;
}

function table(flags: readonly Flag[]): string {
  const rows = flags.map((flag) => [syntax(flag), `${flag.usage}${initial(flag)}${env(flag)}`] as const);
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `   ${left.padEnd(width)}  ${right}`).join("\n");
}

function syntax(flag: Flag): string {
  const value = flag.type === "bool" ? "" : ` ${flag.type}`;
  return `--${flag.name}${value}${flag.alias === undefined ? "" : `, -${flag.alias}`}`;
}

function initial(flag: Flag): string {
  if (flag.initialText !== undefined) return ` (default: ${flag.initialText})`;
  if (flag.initial === "" || flag.initial === false) return "";
  return ` (default: ${typeof flag.initial === "string" ? JSON.stringify(flag.initial) : flag.initial})`;
}

function env(flag: Flag): string {
  return flag.env === undefined ? "" : ` [$${flag.env}]`;
}
