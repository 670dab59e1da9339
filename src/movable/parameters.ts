import { msOfDuration } from "../api/duration.ts";
import { DEFAULT_MAX_DOWNTIME, type LocalVolumeSpec, type VolumePolicies } from "../api/kinds/local-volume.ts";
import type { PersistentVolumeClaim, StorageClass } from "../kube/kinds.ts";
import { movableErrors } from "./errors.ts";

/** What a StorageClass says of its volumes. */
export interface ClassParameters {
  readonly pool: string;
  readonly directory: LocalVolumeSpec["directory"];
  readonly policies: VolumePolicies;
  /** Policies that an annotation of a claim may override. */
  readonly allowOverride: readonly Override[];
}

/** Policies that this version lets a claim override, and the annotation that does it. */
const OVERRIDES = { onDrain: "mooring.dev/on-drain" } as const;
type Override = keyof typeof OVERRIDES;

const VALID = ["pool", "mode", "uid", "gid", "onDrain", "maxDowntime", "allowOverride"] as const;
/** Parameters of the design that this version does not do yet. */
const LATER = ["onNodeLoss", "rebuildGate", "holdTimeout"];
const ON_DRAIN = ["Move", "Stay"] as const;
/** A pod takes about as long to end, so a shorter time would gain nothing. */
const LEAST_DOWNTIME_MS = 1000;
const MOST_DOWNTIME_MS = 3_600_000;
/** The most characters that a LocalVolume takes. */
const LONGEST_DURATION = 32;
const LARGEST_ID = 4_294_967_294;

const DEFAULTS: ClassParameters = {
  pool: "default",
  directory: { mode: "0777", uid: 0, gid: 0 },
  policies: { onDrain: "Move", onNodeLoss: "Wait", maxDowntime: DEFAULT_MAX_DOWNTIME },
  allowOverride: [],
};

/** Reads a class. Throws a CodedError that names the parameter and what is valid. */
export function parseParameters(storageClass: StorageClass): ClassParameters {
  const name = storageClass.metadata?.name ?? "";
  const parameters = Object.entries(storageClass.parameters ?? {});
  return parameters.reduce((parsed, [key, value]) => withParameter(parsed, { storageClass: name, name: key }, value), {
    ...DEFAULTS,
  });
}

interface Where {
  readonly storageClass: string;
  readonly name: string;
}

function withParameter(parsed: ClassParameters, where: Where, value: string): ClassParameters {
  const invalid = (wanted: string): Error => movableErrors.PARAMETER_INVALID({ ...where, value, wanted });
  switch (where.name) {
    case "pool":
      if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(value)) throw invalid("the name of a StoragePool");
      return { ...parsed, pool: value };
    case "mode":
      if (!/^0?[0-7]{3}$|^[0-7]{4}$/.test(value)) throw invalid("an octal mode such as 0777");
      return { ...parsed, directory: { ...parsed.directory, mode: value } };
    case "uid":
    case "gid": {
      const id = /^[0-9]{1,10}$/.test(value) ? Number(value) : Number.NaN;
      if (!(id <= LARGEST_ID)) throw invalid(`a number from 0 to ${String(LARGEST_ID)}`);
      return { ...parsed, directory: { ...parsed.directory, [where.name]: id } };
    }
    case "onDrain":
      return { ...parsed, policies: { ...parsed.policies, onDrain: onDrainOf(where, value) } };
    case "maxDowntime": {
      const ms = value.length > LONGEST_DURATION ? undefined : msOfDuration(value);
      if (ms === undefined || ms < LEAST_DOWNTIME_MS || ms > MOST_DOWNTIME_MS) {
        throw invalid("a time from 1s to 1h, such as 90s, 5m or 1m30s");
      }
      return { ...parsed, policies: { ...parsed.policies, maxDowntime: value } };
    }
    case "allowOverride":
      return { ...parsed, allowOverride: overridesOf(value, invalid) };
    default:
      throw LATER.includes(where.name)
        ? movableErrors.PARAMETER_NOT_YET({ ...where, value, valid: VALID })
        : movableErrors.PARAMETER_UNKNOWN({ ...where, valid: VALID });
  }
}

function onDrainOf(where: Where, value: string): (typeof ON_DRAIN)[number] {
  const found = ON_DRAIN.find((valid) => valid === value);
  if (found !== undefined) return found;
  if (value === "Rebuild") throw movableErrors.PARAMETER_NOT_YET({ ...where, value, valid: ON_DRAIN });
  throw movableErrors.PARAMETER_INVALID({ ...where, value, wanted: ON_DRAIN.join(" or ") });
}

function overridesOf(value: string, invalid: (wanted: string) => Error): Override[] {
  const names = value
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names.map((name) => {
    if (!isOverride(name)) throw invalid(`a list of policies from: ${Object.keys(OVERRIDES).join(", ")}`);
    return name;
  });
}

function isOverride(name: string): name is Override {
  return Object.hasOwn(OVERRIDES, name);
}

/**
 * The policies of one claim: the class's, less what the claim's annotations override. Throws as
 * `parseParameters`.
 */
export function policiesFor(
  claim: PersistentVolumeClaim,
  storageClass: string,
  parameters: ClassParameters,
): VolumePolicies {
  const annotation = OVERRIDES.onDrain;
  const value = claim.metadata?.annotations?.[annotation];
  if (value === undefined) return parameters.policies;
  if (!parameters.allowOverride.includes("onDrain")) {
    const allowed = parameters.allowOverride.length === 0 ? "nothing" : parameters.allowOverride.join(", ");
    throw movableErrors.OVERRIDE_REFUSED({ annotation, storageClass, allowed });
  }
  const onDrain = ON_DRAIN.find((valid) => valid === value);
  if (onDrain === undefined) throw movableErrors.OVERRIDE_INVALID({ annotation, value, valid: ON_DRAIN });
  return { ...parameters.policies, onDrain };
}
