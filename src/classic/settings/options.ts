import { DEBUG, type Flag, GLOBAL_FLAGS, HELP, START_FLAGS, VERSION } from "./cli/flags.ts";
import { programHelp, startHelp } from "./cli/help.ts";
import { type FlagValues, fromEnvironment, parseFlags } from "./cli/parse-flags.ts";
import { classicErrors } from "../errors.ts";

/** What `local-path-provisioner start` is to do. */
export interface StartOptions {
  readonly debug: boolean;
  /** A path that ends in .json, JSON text, or "" for the ConfigMap. */
  readonly config: string;
  readonly provisionerName: string;
  readonly namespace: string;
  /** Accepted, and never used: the image is in the helper pod's template. */
  readonly helperImage: string;
  /** "" for the usual places. */
  readonly kubeconfig: string;
  readonly configMapName: string;
  readonly serviceAccountName: string;
  /** "" for the ConfigMap. */
  readonly helperPodFile: string;
  /** undefined when it was not given: 16 helper pods at once on each node. */
  readonly workerThreads: number | undefined;
  /** 0: for ever. */
  readonly provisioningRetryCount: number;
  readonly deletionRetryCount: number;
  readonly allowUnsafeHelperPodTemplate: boolean;
  /**
   * Requests per second and at once; undefined: no limit. One that is given without the other gets
   * the original's value (5 and 10).
   */
  readonly kubeClientLimit: { readonly qps: number; readonly burst: number } | undefined;
  readonly healthPort: number;
  readonly expressBind: boolean;
  /** CONFIG_MOUNT_PATH: where helperPod.yaml is read again; undefined: nowhere. */
  readonly configMountPath: string | undefined;
}

export type CommandLine =
  | { readonly kind: "start"; readonly options: StartOptions }
  | { readonly kind: "help" | "version"; readonly text: string }
  /** `message` is the log line of level fatal. `usage` goes to stderr before it. */
  | { readonly kind: "error"; readonly message: string; readonly usage?: string; readonly exitCode: number };

type Environment = Readonly<Record<string, string | undefined>>;

/** Go's exit code of a panic, which is what the original does with a bad global flag or command. */
const PANIC = 2;

/** Reads the command line. `args` are the words after the program's name. */
export function parseCommandLine(args: readonly string[], env: Environment, version: string): CommandLine {
  const global = parseFlags(args, GLOBAL_FLAGS, (word) => COMMANDS.has(word));
  if (global.values.get(HELP.name) === true) return { kind: "help", text: programHelp(version) };
  if (global.error !== undefined) {
    return { kind: "error", message: `Usage error, please check your command: ${global.error}`, exitCode: PANIC };
  }
  if (global.values.get(VERSION.name) === true) {
    return { kind: "version", text: `local-path-provisioner version ${version}\n` };
  }
  const debug = fromEnvironment([DEBUG], env, global.values);
  if (debug.error !== undefined) return critical(debug.error);

  const [command, ...rest] = global.rest;
  switch (command) {
    case "start":
      return parseStart(rest, env, debug.values.get(DEBUG.name) === true);
    case undefined:
      return { kind: "help", text: programHelp(version) };
    case "help":
    case "h":
      return { kind: "help", text: rest[0] === "start" ? startHelp() : programHelp(version) };
    default:
      return { kind: "error", message: `unrecognized command: ${command}`, exitCode: PANIC };
  }
}

const COMMANDS = new Set(["start", "help", "h"]);

function parseStart(args: readonly string[], env: Environment, debug: boolean): CommandLine {
  const line = parseFlags(args, [...START_FLAGS, DEBUG, HELP], (word) => word === "help" || word === "h");
  if (line.values.get(HELP.name) === true || ["help", "h"].includes(line.rest[0] ?? "")) {
    return { kind: "help", text: startHelp() };
  }
  if (line.error !== undefined) return critical(line.error, `Incorrect Usage: ${line.error}\n\n${startHelp()}`);
  const all = fromEnvironment(START_FLAGS, env, line.values);
  if (all.error !== undefined) return critical(all.error);
  const debugHere = line.values.get(DEBUG.name);
  return { kind: "start", options: optionsOf(all.values, env, typeof debugHere === "boolean" ? debugHere : debug) };
}

function critical(error: string, usage?: string): CommandLine {
  const message = `Critical error: ${error}`;
  return { kind: "error", message, exitCode: 1, ...(usage === undefined ? {} : { usage }) };
}

function optionsOf(given: FlagValues, env: Environment, debug: boolean): StartOptions {
  const value = (name: string): Flag["initial"] | undefined =>
    given.get(name) ?? START_FLAGS.find((flag) => flag.name === name)?.initial;
  const text = (name: string): string => String(value(name) ?? "");
  const number = (name: string): number => Number(value(name));
  const limited = given.has("kube-client-qps") || given.has("kube-client-burst");
  const mount = env["CONFIG_MOUNT_PATH"];
  return {
    debug,
    config: text("config"),
    provisionerName: text("provisioner-name"),
    namespace: text("namespace"),
    helperImage: text("helper-image"),
    kubeconfig: text("kubeconfig"),
    configMapName: text("configmap-name"),
    serviceAccountName: text("service-account-name"),
    helperPodFile: text("helper-pod-file"),
    workerThreads: given.has("worker-threads") ? number("worker-threads") : undefined,
    provisioningRetryCount: number("provisioning-retry-count"),
    deletionRetryCount: number("deletion-retry-count"),
    allowUnsafeHelperPodTemplate: value("allow-unsafe-helper-pod-template") === true,
    kubeClientLimit: limited ? clientLimit(number("kube-client-qps"), number("kube-client-burst")) : undefined,
    healthPort: number("health-port"),
    expressBind: value("express-bind") === true,
    configMountPath: mount === "" ? undefined : mount,
  };
}

/** As client-go takes the two: 0 is its own default, a negative rate is no limit. */
function clientLimit(qps: number, burst: number): StartOptions["kubeClientLimit"] {
  if (qps < 0) return undefined;
  return { qps: qps === 0 ? DEFAULT_QPS : qps, burst: burst <= 0 ? DEFAULT_BURST : burst };
}

const DEFAULT_QPS = 5;
const DEFAULT_BURST = 10;

/**
 * What is checked before the health server starts. The checks are in three steps because the
 * original reports them between other errors.
 */
export function checkNames(options: StartOptions): void {
  refuseEmpty("provisioner-name", options.provisionerName);
  refuseEmpty("namespace", options.namespace);
  refuseEmpty("configmap-name", options.configMapName);
}

/** What is checked once the configuration's source is known. */
export function checkHelper(options: StartOptions): void {
  refuseEmpty("helper-image", options.helperImage);
  refuseEmpty("service-account-name", options.serviceAccountName);
}

/** What is checked once the helper pod's template has been read. */
export function checkCounts(options: StartOptions): void {
  if (options.provisioningRetryCount < 0) throw classicErrors.NEGATIVE_FLAG({ flag: "provisioning-retry-count" });
  if (options.deletionRetryCount < 0) throw classicErrors.NEGATIVE_FLAG({ flag: "deletion-retry-count" });
  if (options.workerThreads !== undefined && options.workerThreads <= 0) {
    throw classicErrors.ZERO_FLAG({ flag: "worker-threads" });
  }
}

function refuseEmpty(flag: string, value: string): void {
  if (value === "") throw classicErrors.EMPTY_FLAG({ flag });
}
