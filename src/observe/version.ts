declare const MOORING_VERSION: string | undefined;

/** What the build calls this version; `dev` when run from the sources. */
export const VERSION = typeof MOORING_VERSION === "string" ? MOORING_VERSION : "dev";
