import { copyNameOf } from "../../api/copy-name.ts";
import type { MovePhase } from "../../api/kinds/volume-move.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { at, localVolume, NODE, POOL, type TestNode } from "./agent.fixture.ts";
import { digestOf, MOVE_UID, reportOf, volumeMove, type Files, type MemoryMoving } from "./moving.fixture.ts";

export const API = "/apis/mooring.dev/v1alpha1";
export const MOVE = `${API}/volumemoves/move-1`;
export const VOLUME = `${POOL}/volumes/pvc-1`;
/** The other node of the move. */
export const OTHER = "node-b";
export const ACTIVE = { name: "move-1", uid: MOVE_UID };
export const DATA: Files = { a: "precious", b: "bytes" };
/** The directory of the arriving copy. */
export const INCOMING = `2-${MOVE_UID}`;
export const SOURCE_COPY = `${API}/volumecopies/${copyNameOf("pvc-1", OTHER)}`;

/** What a test of a move's target does and sees, on the node that `of` gives at that moment. */
export function targetOfMove(of: () => { readonly node: TestNode; readonly moving: MemoryMoving }) {
  const report = () => of().node.copyOf("pvc-1")?.status?.move;
  const phase = (next: MovePhase, sealing = 1): void => {
    of().node.put(MOVE, volumeMove(OTHER, NODE, { phase: next, sealing }));
  };
  const sourceSays = (status: object): void => {
    const object = { metadata: { name: "s" }, spec: { volume: "pvc-1", nodeName: OTHER }, status };
    of().node.put(SOURCE_COPY, object as KubeObject);
  };
  return {
    report,
    phase,
    sourceSays,
    says: (state: string, sealing = 1) =>
      of().node.eventually(`it says ${state}`, () => report()?.state === state && report()?.sealing === sealing),
    /** A volume on the other node, which the move holds. */
    prepare: (): void => {
      const spec = { nodeName: OTHER, mayCreate: undefined as never, activeMove: ACTIVE, fence: MOVE_UID };
      of().node.put(at.volume("pvc-1"), localVolume("pvc-1", spec));
      of().node.pod("pod-1");
    },
    copying: (files = DATA): void => {
      of().moving.remote = files;
      const copy = { epoch: 1, directory: "1", state: "Active", incarnation: "inc-1", poolUUID: "p", bytes: 4096 };
      sourceSays({ copies: [copy], move: reportOf({ sealing: 0, state: "Checked" }) });
      of().node.change("pvc-1", { fence: undefined as never });
      phase("Copying", 0);
    },
    fence: (): void => {
      of().node.change("pvc-1", { fence: MOVE_UID });
    },
    sealed: (sealing = 1, files = DATA): void => {
      of().moving.remote = files;
      sourceSays({ move: reportOf({ sealing, digest: digestOf(files) }) });
      phase("Sealed", sealing);
    },
    place: (): void => {
      of().node.change("pvc-1", { nodeName: NODE, epoch: 2, fence: undefined as never });
      phase("Committed");
    },
    receives: (): number => of().moving.done.filter((line) => line.startsWith("receive")).length,
    /** The sealing for which the arriving copy is complete. */
    whole: async (): Promise<unknown> =>
      (JSON.parse(await of().node.disk.readText(`${VOLUME}/${INCOMING}/copy.json`)) as { whole?: number }).whole,
  };
}
