/* The gRPC services of the agent, translated to and from the plain calls of src/api/csi.ts. */
import type { AccessMode, CsiNode, Usage } from "../../api/csi.ts";
import { DRIVER } from "../../api/names.ts";
import { served, type Served } from "./grpc-server.ts";
import {
  Identity,
  Node,
  NodeServiceCapability_RPC_Type as Capability,
  VolumeCapability_AccessMode_Mode as Mode,
  VolumeUsage_Unit as Unit,
  type NodePublishVolumeRequest,
} from "./gen/csi_pb.ts";
import { Registration } from "./gen/registration_pb.ts";

/** CSI 1.x. The kubelet compares only the major number. */
const CSI_VERSION = "1.0.0";

/** The capabilities of the node service besides publish and unpublish. */
const CAPABILITIES = [Capability.GET_VOLUME_STATS, Capability.SINGLE_NODE_MULTI_WRITER];

export interface DriverInfo {
  readonly nodeName: string;
  readonly version: string;
  /** Whether the agent could serve a publish now. */
  readonly isReady: () => boolean;
}

/** Identity and Node, for the CSI socket. */
export function csiServices(node: CsiNode, info: DriverInfo): readonly Served[] {
  return [
    served(Identity, {
      getPluginInfo: () => ({ name: DRIVER, vendorVersion: info.version }),
      getPluginCapabilities: () => ({}),
      probe: () => ({ ready: info.isReady() }),
    }),
    served(Node, {
      nodePublishVolume: async (request) => {
        await node.publish({
          volumeId: request.volumeId,
          targetPath: request.targetPath,
          readonly: request.readonly,
          ...capabilityOf(request),
          volumeContext: request.volumeContext,
        });
        return {};
      },
      nodeUnpublishVolume: async ({ volumeId, targetPath }) => {
        await node.unpublish({ volumeId, targetPath });
        return {};
      },
      nodeGetVolumeStats: async ({ volumeId, volumePath }) => {
        const { bytes, inodes } = await node.stats({ volumeId, volumePath });
        return { usage: [usageOf(bytes, Unit.BYTES), usageOf(inodes, Unit.INODES)] };
      },
      nodeGetCapabilities: () => ({
        capabilities: CAPABILITIES.map((type) => ({ type: { case: "rpc", value: { type } } as const })),
      }),
      // There is no topology here, because the kubelet would make a node label from it.
      nodeGetInfo: () => ({ nodeId: info.nodeName }),
    }),
  ];
}

/** The service on the registration socket. `notified` gets the result of the registration. */
export function registrationService(
  endpoint: string,
  notified: (status: { readonly registered: boolean; readonly error: string }) => void,
): readonly Served[] {
  return [
    served(Registration, {
      getInfo: () => ({ type: "CSIPlugin", name: DRIVER, endpoint, supportedVersions: [CSI_VERSION] }),
      notifyRegistrationStatus: ({ pluginRegistered, error }) => {
        notified({ registered: pluginRegistered, error });
        return {};
      },
    }),
  ];
}

const MODES: ReadonlyMap<number, AccessMode> = new Map(
  Object.entries(Mode).map(([name, number]) => [number, name as AccessMode]),
);

function capabilityOf({ volumeCapability }: NodePublishVolumeRequest) {
  const access = volumeCapability?.accessType;
  return {
    accessType: access?.case ?? "none",
    accessMode: MODES.get(volumeCapability?.accessMode?.mode ?? Mode.UNKNOWN) ?? "UNKNOWN",
    mountFlags: access?.case === "mount" ? access.value.mountFlags : [],
  } as const;
}

function usageOf({ total, available, used }: Usage, unit: Unit) {
  return { unit, total: BigInt(total), available: BigInt(available), used: BigInt(used ?? 0) };
}
