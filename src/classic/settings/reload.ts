import type { Clock } from "../../effects/clock.ts";
import type { Files } from "../../effects/files.ts";
import { CodedError, messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import type { EventContent } from "../../provision/events.ts";
import { configAsJson, parseConfig, warningsOf } from "./config.ts";
import { type Named, unmatchedIn } from "./unmatched.ts";
import { type HelperTemplate, parseHelperTemplate } from "./helper-template.ts";
import {
  EVENT_CONFIG_APPLIED,
  EVENT_CONFIG_REFUSED,
  EVENT_CONFIG_UNMATCHED,
  EVENT_HELPER_TEMPLATE_APPLIED,
  EVENT_HELPER_TEMPLATE_REFUSED,
} from "../names.ts";
import type { Settings, SettingsSource } from "./settings.ts";
import { readConfigText, readMountedHelperPod } from "./sources.ts";

/**
 * How often the files are read again; the kubelet's own delay for a ConfigMap (about a minute)
 * comes on top.
 */
const RELOAD_EVERY_MS = 30_000;

export interface ReloadDeps {
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
  /** `--config`, or the text found in the ConfigMap. */
  readonly configFlag: string;
  /** The template's text at start. */
  readonly helperPodText: string;
  /** CONFIG_MOUNT_PATH; undefined: the template is never read again. */
  readonly configMountPath: string | undefined;
  readonly allowUnsafeTemplate: boolean;
  /**
   * Asks the API server whether it accepts pods of a template, before that replaces one that works.
   * Rejects when it does not, or gives no answer.
   */
  readonly tryTemplate: (settings: Settings) => Promise<void>;
  /** Records an event on the ConfigMap for a changed or a refused file, once for each text. */
  readonly tell: (event: EventContent) => void;
  /**
   * Counts reloads: called for each changed file that was applied, and for each reading that was
   * refused.
   */
  readonly count: (what: "config" | "template", result: "applied" | "refused") => void;
}

const INVALID = "CLASSIC_HELPER_TEMPLATE_INVALID";

type What = "config" | "template";

/**
 * The settings in force. A file that cannot be read or is wrong changes nothing: the last good
 * settings stay, for as long as it takes. `load` first; it is fatal when it rejects. Then `run`,
 * until the signal is aborted.
 */
export class Reloader implements SettingsSource {
  readonly #deps: ReloadDeps;
  #settings: Settings | undefined;
  #configJson = "";
  #templateJson = "";
  /**
   * The last refusal that has an event: a wrong file is read every 30 s, but its event is written
   * once.
   */
  readonly #refused = new Map<What, string>();
  #named: (() => Named) | undefined;

  constructor(deps: ReloadDeps) {
    this.#deps = deps;
  }

  current(): Settings {
    if (this.#settings === undefined) throw new Error("the configuration is used before it was loaded");
    return this.#settings;
  }

  /**
   * Reads everything for the first time: the template first, as the original. Rejects with what is
   * wrong.
   */
  async load(): Promise<Settings> {
    const template = this.#parseTemplate(this.#deps.helperPodText);
    const { config, json } = await this.#readConfig();
    this.#configJson = json;
    this.#templateJson = JSON.stringify(template);
    this.#settings = { config, template };
    this.#announce(json);
    return this.#settings;
  }

  /**
   * Asks the API server about the template that was loaded at start. There is no other template to
   * keep: if it is refused, every claim and every removal will fail, and this reports why. Never
   * rejects.
   */
  async tryLoaded(): Promise<void> {
    const { tryTemplate, log, tell } = this.#deps;
    try {
      await tryTemplate(this.current());
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== INVALID) return;
      const message = `${error.message} (every claim and every removal will fail until it is corrected)`;
      log.error(message, { err: error });
      tell({ type: "Warning", reason: EVENT_HELPER_TEMPLATE_REFUSED, message });
    }
  }

  /**
   * Compares the configuration with what the cluster has, now and after each change, and warns of
   * what the configuration names and the cluster does not have.
   */
  compareWith(named: () => Named): void {
    this.#named = named;
    this.#tellUnmatched();
  }

  /** Reads the files every 30 s. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    for (;;) {
      try {
        await clock.sleep(RELOAD_EVERY_MS, signal);
      } catch {
        log.info("stop watching config file");
        return;
      }
      await this.reload();
    }
  }

  /** Reads the files once. Never rejects. */
  async reload(): Promise<void> {
    await this.#reload("config", "failed to load the new config file", () => this.#reloadConfig());
    await this.#reload("template", "failed to load the new helper pod manifest", () => this.#reloadTemplate());
  }

  async #reload(what: What, failure: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#refused.delete(what);
    } catch (error) {
      this.#refuse(what, `${failure}: ${messageOf(error)}`, error);
    }
  }

  async #reloadConfig(): Promise<void> {
    const { config, json } = await this.#readConfig();
    if (json === this.#configJson) return;
    this.#configJson = json;
    this.#settings = { ...this.current(), config };
    this.#announce(json);
    this.#applied("config");
  }

  async #reloadTemplate(): Promise<void> {
    const { configMountPath, files } = this.#deps;
    if (configMountPath === undefined) return;
    const template = this.#parseTemplate(await readMountedHelperPod(configMountPath, files));
    const json = JSON.stringify(template);
    if (json === this.#templateJson) return;
    await this.#deps.tryTemplate({ ...this.current(), template });
    this.#templateJson = json;
    this.#settings = { ...this.current(), template };
    this.#applied("template");
  }

  async #readConfig(): Promise<{ readonly config: Settings["config"]; readonly json: string }> {
    const { configFlag, files } = this.#deps;
    const { data, config } = parseConfig(await readConfigText(configFlag, files));
    return { config, json: configAsJson(data) };
  }

  #parseTemplate(text: string): HelperTemplate {
    return parseHelperTemplate(text, this.#deps.allowUnsafeTemplate);
  }

  #announce(json: string): void {
    const { log } = this.#deps;
    log.debug(`Applied config: ${json}`);
    for (const warning of warningsOf(this.current().config)) log.warn(warning);
    this.#tellUnmatched();
  }

  #tellUnmatched(): void {
    const { log, tell } = this.#deps;
    const found = this.#named === undefined ? [] : unmatchedIn(this.current().config, this.#named());
    for (const warning of found) log.warn(warning);
    const [first, ...more] = found;
    if (first === undefined) return;
    const message = more.length === 0 ? first : `${first}; and ${more.length} more in the log`;
    tell({ type: "Warning", reason: EVENT_CONFIG_UNMATCHED, message });
  }

  #applied(what: What): void {
    const reason = what === "config" ? EVENT_CONFIG_APPLIED : EVENT_HELPER_TEMPLATE_APPLIED;
    this.#deps.count(what, "applied");
    this.#deps.tell({ type: "Normal", reason, message: `${FILE[what]} has changed and is in force` });
  }

  #refuse(what: What, message: string, error: unknown): void {
    const { log, count, tell } = this.#deps;
    log.error(message, { err: error });
    count(what, "refused");
    if (this.#refused.get(what) === message) return;
    this.#refused.set(what, message);
    const reason = what === "config" ? EVENT_CONFIG_REFUSED : EVENT_HELPER_TEMPLATE_REFUSED;
    tell({ type: "Warning", reason, message: `${message} (the last valid one stays in force)` });
  }
}

const FILE = { config: "config.json", template: "helperPod.yaml" } as const;
