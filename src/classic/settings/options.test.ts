import { describe, expect, it } from "vitest";
import { checkCounts, checkHelper, checkNames, parseCommandLine, type StartOptions } from "./options.ts";
import { saying } from "../testing/saying.fixture.ts";

const parse = (args: string[], env: Record<string, string> = {}) => parseCommandLine(args, env, "v1");

function start(args: string[] = [], env: Record<string, string> = {}): StartOptions {
  const line = parse(["start", ...args], env);
  if (line.kind !== "start") throw new Error(JSON.stringify(line));
  return line.options;
}

describe("local-path-provisioner start", () => {
  it("has the original's defaults", () => {
    expect(start()).toEqual({
      debug: false,
      config: "",
      provisionerName: "rancher.io/local-path",
      namespace: "local-path-storage",
      helperImage: "rancher/library-busybox:1.32.1",
      kubeconfig: "",
      configMapName: "local-path-config",
      serviceAccountName: "local-path-provisioner-service-account",
      helperPodFile: "",
      workerThreads: undefined,
      provisioningRetryCount: 15,
      deletionRetryCount: 15,
      allowUnsafeHelperPodTemplate: false,
      kubeClientLimit: undefined,
      healthPort: 8080,
      expressBind: true,
      configMountPath: undefined,
    });
  });

  it.each<[string, string, keyof StartOptions, unknown]>([
    ["--config", "/etc/config/config.json", "config", "/etc/config/config.json"],
    ["--provisioner-name", "cluster.local/x", "provisionerName", "cluster.local/x"],
    ["--namespace", "kube-system", "namespace", "kube-system"],
    ["--helper-image", "busybox", "helperImage", "busybox"],
    ["--kubeconfig", "/k", "kubeconfig", "/k"],
    ["--configmap-name", "c", "configMapName", "c"],
    ["--service-account-name", "s", "serviceAccountName", "s"],
    ["--helper-pod-file", "/h.yaml", "helperPodFile", "/h.yaml"],
    ["--worker-threads", "8", "workerThreads", 8],
    ["--provisioning-retry-count", "0", "provisioningRetryCount", 0],
    ["--deletion-retry-count", "-1", "deletionRetryCount", -1],
    ["--health-port", "9090", "healthPort", 9090],
  ])("%s %s, with one dash or two, and with =", (flag, text, key, value) => {
    for (const args of [[flag, text], [`${flag}=${text}`], [flag.slice(1), text], [`${flag.slice(1)}=${text}`]]) {
      expect(start(args)[key]).toEqual(value);
    }
  });

  it("takes a value for a bool only after =, and an empty one for true", () => {
    const flag = "--allow-unsafe-helper-pod-template";
    expect(start([flag]).allowUnsafeHelperPodTemplate).toBe(true);
    expect(start([`${flag}=`]).allowUnsafeHelperPodTemplate).toBe(true);
    expect(start([`${flag}=F`]).allowUnsafeHelperPodTemplate).toBe(false);
    expect(start([flag, "false", "--namespace", "n"])).toMatchObject({
      allowUnsafeHelperPodTemplate: true,
      namespace: "n",
    });
    expect(start(["--express-bind=false"]).expressBind).toBe(false);
  });

  it("lets a flag beat the environment, and the last of a flag win", () => {
    const env = {
      PROVISIONER_NAME: "e",
      POD_NAMESPACE: "e",
      HELPER_IMAGE: "e",
      SERVICE_ACCOUNT_NAME: "e",
      HEALTH_PORT: "1",
    };
    expect(start([], env)).toMatchObject({
      provisionerName: "e",
      namespace: "e",
      helperImage: "e",
      serviceAccountName: "e",
      healthPort: 1,
    });
    expect(start(["--namespace", "f", "--namespace", "g"], env).namespace).toBe("g");
  });

  it("takes an empty variable for a value of a string, false of a bool, and nothing of a number", () => {
    const options = start([], {
      POD_NAMESPACE: "",
      ALLOW_UNSAFE_HELPER_POD_TEMPLATE: "",
      HEALTH_PORT: "",
      CONFIG_MOUNT_PATH: "",
    });
    expect(options).toMatchObject({ namespace: "", allowUnsafeHelperPodTemplate: false, healthPort: 8080 });
    expect(options.configMountPath).toBeUndefined();
    expect(start(["--namespace="]).namespace).toBe("");
  });

  it("limits requests only when it is told to", () => {
    expect(start(["--kube-client-qps", "2.5"]).kubeClientLimit).toEqual({ qps: 2.5, burst: 10 });
    expect(start(["--kube-client-burst", "7"]).kubeClientLimit).toEqual({ qps: 5, burst: 7 });
    expect(start(["--kube-client-qps=0"]).kubeClientLimit).toEqual({ qps: 5, burst: 10 });
    expect(start(["--kube-client-qps=-1"]).kubeClientLimit).toBeUndefined();
  });

  it("tells whether --worker-threads was given, even when that is the old default", () => {
    expect(start().workerThreads).toBeUndefined();
    expect(start(["--worker-threads", "4"]).workerThreads).toBe(4);
  });

  it("knows --debug before and after the command, and from the environment", () => {
    for (const args of [
      ["--debug", "start"],
      ["-d", "start"],
      ["start", "--debug"],
      ["start", "-d"],
    ]) {
      expect(parse(args)).toMatchObject({ kind: "start", options: { debug: true } });
    }
    expect(start([], { RANCHER_DEBUG: "1" }).debug).toBe(true);
    expect(start(["--debug=false"], { RANCHER_DEBUG: "1" }).debug).toBe(false);
  });

  it("reads CONFIG_MOUNT_PATH", () => {
    expect(start([], { CONFIG_MOUNT_PATH: "/etc/config/" }).configMountPath).toBe("/etc/config/");
  });

  it("ignores words that are no flags, as the original", () => {
    expect(start(["word", "--namespace", "n", "--", "--no-flag"]).namespace).toBe("n");
  });
});

describe("a wrong command line", () => {
  it.each([
    [["--nope"], "flag provided but not defined: -nope"],
    [["-nope=1"], "flag provided but not defined: -nope"],
    [["--namespace"], "flag needs an argument: --namespace"],
    [
      ["--worker-threads", "x"],
      'invalid value "x" for flag -worker-threads: strconv.ParseInt: parsing "x": invalid syntax',
    ],
    [["--worker-threads="], 'invalid value "" for flag -worker-threads: strconv.ParseInt: parsing "": invalid syntax'],
    [
      ["--health-port=9223372036854775808"],
      'invalid value "9223372036854775808" for flag -health-port: strconv.ParseInt: parsing "9223372036854775808": value out of range',
    ],
    [
      ["--kube-client-qps", "fast"],
      'invalid value "fast" for flag -kube-client-qps: strconv.ParseFloat: parsing "fast": invalid syntax',
    ],
    [
      ["--health-port=010"],
      'invalid value "010" for flag -health-port: strconv.ParseInt: parsing "010": invalid syntax',
    ],
    [
      ["--kube-client-qps=1e999"],
      'invalid value "1e999" for flag -kube-client-qps: strconv.ParseFloat: parsing "1e999": value out of range',
    ],
    [["--express-bind=maybe"], 'invalid value "maybe" for flag -express-bind: parse error'],
  ])("start %j is a critical error, with the help", (args, error) => {
    const line = parse(["start", ...args]);
    expect(line).toMatchObject({ kind: "error", message: `Critical error: ${error}`, exitCode: 1 });
    expect(line.kind === "error" ? line.usage : "").toContain(`Incorrect Usage: ${error}\n\nNAME:`);
  });

  it.each([
    [
      { HEALTH_PORT: "x" },
      'could not parse "x" as int value from environment variable "HEALTH_PORT" for flag health-port: strconv.ParseInt: parsing "x": invalid syntax',
    ],
    [
      { ALLOW_UNSAFE_HELPER_POD_TEMPLATE: "yes" },
      'could not parse "yes" as bool value from environment variable "ALLOW_UNSAFE_HELPER_POD_TEMPLATE" for flag allow-unsafe-helper-pod-template: parse error',
    ],
    [
      { RANCHER_DEBUG: "yes" },
      'could not parse "yes" as bool value from environment variable "RANCHER_DEBUG" for flag debug: parse error',
    ],
  ])("the environment %j is a critical error", (env, error) => {
    expect(parse(["start"], env)).toEqual({ kind: "error", message: `Critical error: ${error}`, exitCode: 1 });
  });

  it("a wrong global flag or command ends as a panic does", () => {
    expect(parse(["--nope", "start"])).toEqual({
      kind: "error",
      message: "Usage error, please check your command: flag provided but not defined: -nope",
      exitCode: 2,
    });
    expect(parse(["stop"])).toEqual({ kind: "error", message: "unrecognized command: stop", exitCode: 2 });
  });
});

describe("help and version", () => {
  it("are printed when asked for, and help without a command", () => {
    expect(parse(["--version"])).toEqual({ kind: "version", text: "local-path-provisioner version v1\n" });
    expect(parse(["-v"]).kind).toBe("version");
    for (const args of [[], ["--help"], ["-h"], ["help"], ["h"]]) {
      expect(parse(args)).toMatchObject({ kind: "help", text: expect.stringContaining("COMMANDS:") as string });
    }
    for (const args of [
      ["start", "--help"],
      ["start", "-h", "--nope"],
      ["help", "start"],
      ["start", "help"],
    ]) {
      expect(parse(args)).toMatchObject({
        kind: "help",
        text: expect.stringContaining("--worker-threads int") as string,
      });
    }
  });
});

describe("the checks at start", () => {
  it.each([
    ["provisioner-name", checkNames],
    ["namespace", checkNames],
    ["configmap-name", checkNames],
    ["helper-image", checkHelper],
    ["service-account-name", checkHelper],
  ])("--%s must not be empty", (flag, check) => {
    expect(() => {
      check(start([`--${flag}=`]));
    }).toThrow(saying(`invalid empty flag ${flag}`));
  });

  it.each(["provisioning-retry-count", "deletion-retry-count"])("--%s must not be negative", (flag) => {
    expect(() => {
      checkCounts(start([`--${flag}=-1`]));
    }).toThrow(saying(`invalid negative integer flag ${flag}`));
  });

  it.each(["0", "-1"])("--worker-threads must not be %s", (count) => {
    expect(() => {
      checkCounts(start([`--worker-threads=${count}`]));
    }).toThrow(saying("invalid zero or negative integer flag worker-threads"));
  });

  it("pass for the defaults", () => {
    for (const check of [checkNames, checkHelper, checkCounts]) check(start());
  });
});
