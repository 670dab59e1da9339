import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, credentials, status, type ServiceError } from "@grpc/grpc-js";
import {
  create,
  fromBinary,
  toBinary,
  toJson,
  type DescMethod,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CsiError, type CsiNode, type PublishRequest } from "../../api/csi.ts";
import { systemDisk } from "../../effects/node/disk.ts";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { eventually } from "../../effects/testing/eventually.fixture.ts";
import { recordingLog } from "../../kube/testing/recording-log.fixture.ts";
import { silentLog } from "../../observe/log.ts";
import { Identity, Node, NodeServiceCapability_RPC_Type, VolumeCapability_AccessMode_Mode } from "./gen/csi_pb.ts";
import { Registration } from "./gen/registration_pb.ts";
import { serveGrpc } from "./grpc-server.ts";
import { csiServices, registrationService } from "./services.ts";
import { keepSockets, Socket } from "./sockets.ts";

let directory: string;
const ends: (() => unknown)[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "agent-"));
});
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
  await rm(directory, { recursive: true });
});

/** Calls as the kubelet does: over the socket, with nothing of ours but the messages. */
async function call<M extends DescMethod>(
  path: string,
  method: M,
  request: MessageInitShape<M["input"]>,
): Promise<MessageShape<M["output"]>> {
  const client = new Client(`unix:${path}`, credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        `/${method.parent.typeName}/${method.name}`,
        (message: MessageShape<M["input"]>) => Buffer.from(toBinary(method.input, message)),
        (bytes) => fromBinary(method.output, bytes) as MessageShape<M["output"]>,
        create(method.input, request) as MessageShape<M["input"]>,
        (error: ServiceError | null, answer?: MessageShape<M["output"]>) => {
          if (error !== null) reject(error);
          else if (answer !== undefined) resolve(answer);
        },
      );
    });
  } finally {
    client.close();
  }
}

function fakeNode(node: Partial<CsiNode> = {}): CsiNode {
  const none = (): Promise<never> => Promise.reject(new Error("not expected"));
  return { publish: none, unpublish: none, stats: none, ...node };
}

async function serve(node: Partial<CsiNode> = {}): Promise<string> {
  const path = join(directory, "csi.sock");
  const info = { nodeName: "node-a", version: "1.2.3", isReady: () => false };
  const server = await serveGrpc(path, csiServices(fakeNode(node), info), silentLog);
  ends.push(() => server.close(AbortSignal.abort()));
  return path;
}

test("the driver says who it is and what it can", async () => {
  const path = await serve();
  expect(await call(path, Identity.method.getPluginInfo, {})).toMatchObject({
    name: "mooring.dev",
    vendorVersion: "1.2.3",
  });
  expect(await call(path, Identity.method.probe, {})).toMatchObject({ ready: false });
  // There is nothing else in it, above all no topology, whose keys the kubelet would write into the
  // CSINode.
  const info = await call(path, Node.method.nodeGetInfo, {});
  expect(toJson(Node.method.nodeGetInfo.output, info)).toEqual({ nodeId: "node-a" });
  expect(info.$unknown).toBeUndefined();
  const { capabilities } = await call(path, Node.method.nodeGetCapabilities, {});
  expect(capabilities.map(({ type }) => type.value?.type)).toEqual([
    NodeServiceCapability_RPC_Type.GET_VOLUME_STATS,
    NodeServiceCapability_RPC_Type.SINGLE_NODE_MULTI_WRITER,
  ]);
});

test("a publish arrives with all its fields", async () => {
  const seen: PublishRequest[] = [];
  const path = await serve({ publish: async (request) => void seen.push(request) });
  await call(path, Node.method.nodePublishVolume, {
    volumeId: "pvc-1",
    targetPath: "/t",
    readonly: true,
    volumeCapability: {
      accessType: { case: "mount", value: { mountFlags: ["noatime"] } },
      accessMode: { mode: VolumeCapability_AccessMode_Mode.SINGLE_NODE_SINGLE_WRITER },
    },
    volumeContext: { a: "b" },
  });
  await call(path, Node.method.nodePublishVolume, { volumeId: "pvc-2", targetPath: "/t" });
  expect(seen).toEqual([
    {
      volumeId: "pvc-1",
      targetPath: "/t",
      readonly: true,
      accessType: "mount",
      accessMode: "SINGLE_NODE_SINGLE_WRITER",
      mountFlags: ["noatime"],
      volumeContext: { a: "b" },
    },
    {
      volumeId: "pvc-2",
      targetPath: "/t",
      readonly: false,
      accessType: "none",
      accessMode: "UNKNOWN",
      mountFlags: [],
      volumeContext: {},
    },
  ]);
});

test("a refusal has its code and its sentence", async () => {
  const path = await serve({
    unpublish: () => Promise.reject(new CsiError("FAILED_PRECONDITION", "it is moving")),
    publish: () => Promise.reject(new Error("a bug")),
  });
  const refused = { code: status.FAILED_PRECONDITION, details: "it is moving" };
  await expect(call(path, Node.method.nodeUnpublishVolume, { volumeId: "v" })).rejects.toMatchObject(refused);
  await expect(call(path, Node.method.nodePublishVolume, {})).rejects.toMatchObject({ code: status.INTERNAL });
});

test("stats are 64-bit numbers in both units", async () => {
  const path = await serve({
    stats: async () => ({
      bytes: { total: 2 ** 50, available: 5, used: 7 },
      inodes: { total: 10, available: 8 },
    }),
  });
  const { usage } = await call(path, Node.method.nodeGetVolumeStats, { volumeId: "v", volumePath: "/t" });
  expect(usage).toMatchObject([
    { unit: 1, total: 2n ** 50n, available: 5n, used: 7n },
    { unit: 2, total: 10n, available: 8n, used: 0n },
  ]);
});

test("the kubelet is told where the driver is", async () => {
  const heard: unknown[] = [];
  const path = join(directory, "mooring.dev-reg.sock");
  const server = await serveGrpc(
    path,
    registrationService("/k/csi.sock", (said) => heard.push(said)),
    silentLog,
  );
  ends.push(() => server.close(AbortSignal.abort()));
  expect(await call(path, Registration.method.getInfo, {})).toMatchObject({
    type: "CSIPlugin",
    name: "mooring.dev",
    endpoint: "/k/csi.sock",
    supportedVersions: ["1.0.0"],
  });
  await call(path, Registration.method.notifyRegistrationStatus, { pluginRegistered: false, error: "no" });
  expect(heard).toEqual([{ registered: false, error: "no" }]);
});

test("a stale socket is replaced, a removed one made again, and none is left at the end", async () => {
  const clock = manualClock();
  const log = recordingLog();
  const path = join(directory, "registry", "reg.sock");
  const socket = new Socket({ clock, disk: systemDisk(), log }, path, (at) =>
    serveGrpc(
      at,
      registrationService("/k", () => undefined),
      silentLog,
    ),
  );
  await systemDisk().makeDirectory(join(directory, "registry"), { mode: 0o700 });
  await writeFile(path, "left by a predecessor");
  const stop = new AbortController();
  const keeping = keepSockets({ clock, disk: systemDisk(), log }, [socket], stop.signal);
  const listens = (): number => log.lines.filter(({ msg }) => msg === "listening").length;
  await eventually("it listens", () => listens() === 1 && clock.pending === 1);
  expect(await call(path, Registration.method.getInfo, {})).toMatchObject({ name: "mooring.dev" });
  await rm(path);
  await clock.advance(5_000);
  await eventually("it listens again", () => listens() === 2 && clock.pending === 1);
  expect(await call(path, Registration.method.getInfo, {})).toMatchObject({ name: "mooring.dev" });
  stop.abort();
  await keeping;
  await socket.close(AbortSignal.abort());
  await expect(stat(path)).rejects.toMatchObject({ code: "ENOENT" });
});
