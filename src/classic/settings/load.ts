import type { Files } from "../../effects/files.ts";
import type { KubeClient } from "../../kube/client.ts";
import { checkCounts, checkHelper, checkNames, type StartOptions } from "./options.ts";
import { type ReloadDeps, Reloader } from "./reload.ts";
import { tryTemplate } from "./try-template.ts";
import { findConfigFlag, findHelperPodText } from "./sources.ts";

export interface StartDeps extends Omit<
  ReloadDeps,
  "configFlag" | "helperPodText" | "configMountPath" | "allowUnsafeTemplate" | "tryTemplate"
> {
  readonly files: Files;
  readonly client: KubeClient;
  /**
   * Starts the health server: after the names have been checked, before the configuration is looked
   * for, so that probes are answered meanwhile.
   */
  readonly serveHealth: () => void | Promise<void>;
}

/**
 * Loads the settings in the order of the original, so that of several mistakes the same one is
 * reported. Rejects with the error to print after `Error starting daemon: `.
 */
export async function loadSettings(options: StartOptions, deps: StartDeps): Promise<Reloader> {
  checkNames(options);
  await deps.serveHealth();
  const configFlag = await findConfigFlag(options, deps.client);
  checkHelper(options);
  const helperPodText = await findHelperPodText(options, deps.client, deps.files);
  checkCounts(options);
  const reloader = new Reloader({
    ...deps,
    configFlag,
    helperPodText,
    configMountPath: options.configMountPath,
    allowUnsafeTemplate: options.allowUnsafeHelperPodTemplate,
    tryTemplate: (settings) => tryTemplate(deps.client, settings, { ...options, provisioner: options.provisionerName }),
  });
  await reloader.load();
  await reloader.tryLoaded();
  return reloader;
}
