declare const MOORING_VERSION: string | undefined;

/** The version that the build has set; `dev` when run from the sources. */
export const VERSION = typeof MOORING_VERSION === "string" ? MOORING_VERSION : "dev";
