import { bytes } from "../../kube/quantity.ts";
import type { Node } from "../../kube/kinds.ts";
import { uidOf } from "../../kube/objects.ts";
import type { Log } from "../../observe/log.ts";
import type { ProvisionRequest } from "../../provision/driver.ts";
import { basePath, configOf, isShared } from "../directory/base-path.ts";
import { refuseUnservable } from "./claim.ts";
import { type ClassOptions, classOptionsOf } from "./class-options.ts";
import { classicErrors } from "../errors.ts";
import { directoryName, type Ownership, ownershipOf, type Render } from "../directory/name.ts";
import { join } from "../directory/paths.ts";
import type { Settings } from "../settings/settings.ts";
import { type VolumeType, volumeTypeOf } from "./volume.ts";

/** Everything about a volume that can be decided before anything is made. */
export interface ProvisionPlan {
  readonly shared: boolean;
  readonly options: ClassOptions;
  readonly type: VolumeType;
  /** undefined: the scheduler places the helper (shared file system without a chosen node). */
  readonly node: Node | undefined;
  readonly path: string;
  readonly sizeBytes: bigint;
  readonly ownership: () => Ownership;
}

/** Checks what does not depend on the node. Throws what becomes the claim's event. */
export function admit(
  settings: Settings,
  request: ProvisionRequest,
): { readonly shared: boolean; readonly type: VolumeType } {
  const shared = isShared(configOf(settings.config, classNameOf(request)));
  refuseUnservable(request.claim, shared);
  return { shared, type: volumeTypeOf(request.claim, request.storageClass, shared) };
}

/**
 * Plans a volume, in the order in which the original finds errors. Pure but for debug and warning
 * lines.
 */
export function planProvision(settings: Settings, request: ProvisionRequest, render: Render, log?: Log): ProvisionPlan {
  const { claim, volumeName, node, storageClass } = request;
  const { shared, type } = admit(settings, request);
  if (!shared && node === undefined) throw classicErrors.NO_NODE({});
  const options = classOptionsOf(storageClass, log);
  const config = configOf(settings.config, classNameOf(request));
  const nodeName = node?.metadata?.name ?? "";
  const base = basePath(config, nodeName, { claimUid: uidOf(claim), nodePath: options.nodePath }, log);
  const directory = { volumeName, claim, options };
  const path = join(base, directoryName(directory, render));
  refuseTooLong(path);
  return {
    shared,
    options,
    type,
    node,
    path,
    sizeBytes: bytes(claim.spec?.resources?.requests?.["storage"] ?? "0"),
    ownership: () => ownershipOf(directory, render),
  };
}

/** Linux' limits, in bytes: of a file's name, and of a path that a program can name in one go. */
const LONGEST_FILE_NAME = 255;
const LONGEST_PATH = 4095;

/** A script would fail for these at every attempt. */
function refuseTooLong(path: string): void {
  const limits = [
    ...path.split("/").map((name) => ({ path: name, what: "the directory name", most: LONGEST_FILE_NAME })),
    { path, what: "the path", most: LONGEST_PATH },
  ];
  for (const limit of limits) {
    const length = Buffer.byteLength(limit.path);
    if (length > limit.most) throw classicErrors.NAME_TOO_LONG({ ...limit, bytes: length });
  }
}

/** Whether this node could serve a claim that has no node yet. */
export function canServe(settings: Settings, request: ProvisionRequest, node: Node): boolean {
  const about = { claimUid: uidOf(request.claim), nodePath: classOptionsOf(request.storageClass).nodePath };
  try {
    basePath(configOf(settings.config, classNameOf(request)), node.metadata?.name ?? "", about);
    return true;
  } catch {
    // The reason does not matter here: the error is that no node remains.
    return false;
  }
}

export function classNameOf({ storageClass }: ProvisionRequest): string {
  return storageClass.metadata?.name ?? "";
}
