import type { PersistentVolumeClaim } from "../kube/kinds.ts";
import type { CodedError } from "../observe/errors.ts";
import { dataSourceOf } from "./claims/claims.ts";
import { provisionErrors } from "./errors.ts";

/** What a claim may ask for and only some drivers can give. Not named: not supported. */
export interface Supports {
  /** volumeMode Block. */
  readonly block?: boolean;
  /** Kinds of dataSource that the driver fills a volume from. */
  readonly dataSources?: readonly ("PersistentVolumeClaim" | "VolumeSnapshot")[];
  /** VolumeAttributesClasses. */
  readonly attributesClasses?: boolean;
}

/** A driver's `refusal` for what it does not support. Each error says what to use instead. */
export function refusalOf(
  provisioner: string,
  { block = false, dataSources = [], attributesClasses = false }: Supports = {},
): (claim: PersistentVolumeClaim) => CodedError | undefined {
  return (claim) => {
    const source = dataSourceOf(claim);
    if (source !== undefined && !dataSources.some((kind) => kind === source.kind)) {
      return provisionErrors.DATA_SOURCE_UNSUPPORTED({ provisioner, kind: source.kind, name: source.name });
    }
    if (!block && claim.spec?.volumeMode === "Block") return provisionErrors.BLOCK_UNSUPPORTED({ provisioner });
    const attributes = claim.spec?.volumeAttributesClassName;
    if (!attributesClasses && attributes) {
      return provisionErrors.ATTRIBUTES_CLASS_UNSUPPORTED({ provisioner, name: attributes });
    }
    return undefined;
  };
}
