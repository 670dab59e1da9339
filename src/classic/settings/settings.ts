import type { ClassicConfig } from "./config.ts";
import type { HelperTemplate } from "./helper-template.ts";

/**
 * What may change while the program runs, as one immutable whole: every operation reads it once and
 * stays with what it read.
 */
export interface Settings {
  readonly config: ClassicConfig;
  readonly template: HelperTemplate;
}

/** Where the settings in force are read. */
export interface SettingsSource {
  current(): Settings;
}
