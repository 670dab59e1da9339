import type { Files } from "../../effects/files.ts";
import type { KubeClient } from "../../kube/client.ts";
import { configMaps } from "../../kube/kinds.ts";
import { messageOf } from "../../observe/errors.ts";
import { type ConfigText, isConfigFile } from "./config.ts";
import { classicErrors } from "../errors.ts";
import { goFileError } from "../go/files.ts";
import { CONFIG_KEY, HELPER_POD_KEY } from "../names.ts";
import { join } from "../directory/paths.ts";

/** The options of the command line that say where the configuration is. */
export interface SourceOptions {
  readonly config: string;
  readonly helperPodFile: string;
  readonly namespace: string;
  readonly configMapName: string;
}

/**
 * The value of `--config`, or else the ConfigMap's text: read once, since the text itself is the
 * configuration then.
 */
export async function findConfigFlag(options: SourceOptions, client: KubeClient): Promise<string> {
  if (options.config !== "") return options.config;
  return await fromConfigMap(options, client, "config", CONFIG_KEY);
}

/** The text of the helper pod's template. */
export async function findHelperPodText(options: SourceOptions, client: KubeClient, files: Files): Promise<string> {
  const file = options.helperPodFile;
  if (file === "") return await fromConfigMap(options, client, "helper-pod-file", HELPER_POD_KEY);
  try {
    return await files.readText(file);
  } catch (error) {
    throw classicErrors.FILE_UNREADABLE({ file, why: goFileError(file, error) }, { cause: error });
  }
}

async function fromConfigMap(options: SourceOptions, client: KubeClient, flag: string, key: string): Promise<string> {
  const { namespace, configMapName: configMap } = options;
  try {
    const { data = {} } = await client.get(configMaps, { namespace, name: configMap });
    const text = Object.hasOwn(data, key) ? data[key] : undefined;
    if (text === undefined) throw classicErrors.CONFIGMAP_KEY_MISSING({ key });
    return text;
  } catch (error) {
    const why = messageOf(error);
    throw classicErrors.EMPTY_FLAG_NO_CONFIGMAP({ flag, namespace, configMap, why }, { cause: error });
  }
}

/**
 * The configuration's text now: a file is read again each time, anything else is the text itself.
 */
export async function readConfigText(configFlag: string, files: Files): Promise<ConfigText> {
  if (!isConfigFile(configFlag)) return { from: "inline", text: configFlag };
  try {
    return { from: "file", path: configFlag, text: await files.readText(configFlag) };
  } catch (error) {
    throw classicErrors.CONFIG_FILE({ file: configFlag, why: goFileError(configFlag, error) }, { cause: error });
  }
}

/** The template's text below CONFIG_MOUNT_PATH, for a reload. */
export async function readMountedHelperPod(mountPath: string, files: Files): Promise<string> {
  const file = join(mountPath, HELPER_POD_KEY);
  try {
    return await files.readText(file);
  } catch (error) {
    throw new Error(goFileError(file, error), { cause: error });
  }
}
