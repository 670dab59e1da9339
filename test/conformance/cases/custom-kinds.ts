// Our own kinds, as deploy/mooring-base.yaml defines them. They have no namespace, so every name
// carries the run's id, and every case removes what it made.
import { claim, type Topic } from "../case.ts";
import type { Conversation, Json } from "../conversation.ts";

const INCARNATION = "5b1f5a52-6f0e-4d5c-9f5e-000000000001";
const OTHER_UID = "00000000-0000-4000-8000-000000000000";

const localVolume = (name: string, spec: object = {}): object => ({
  apiVersion: "mooring.dev/v1alpha1",
  kind: "LocalVolume",
  metadata: { name },
  spec: {
    pool: "default",
    capacity: "1Gi",
    nodeName: "bare-1",
    originHostname: "bare-1",
    epoch: 1,
    incarnation: INCARNATION,
    policies: { onDrain: "Move", onNodeLoss: "Wait", maxDowntime: "60s" },
    directory: { mode: "0777", uid: 0, gid: 0 },
    ...spec,
  },
});

const copy = (name: string, spec: object = {}, metadata: object = {}): object => ({
  apiVersion: "mooring.dev/v1alpha1",
  kind: "VolumeCopy",
  metadata: { name, ...metadata },
  spec: { volume: "data", nodeName: "bare-1", ...spec },
});

const move = (name: string, spec: object = {}): object => ({
  apiVersion: "mooring.dev/v1alpha1",
  kind: "VolumeMove",
  metadata: { name },
  spec: { volumes: [{ name: "data" }], from: "bare-1", to: "bare-2", ...spec },
});

const pool = (path: string): object => ({
  apiVersion: "mooring.dev/v1alpha1",
  kind: "StoragePool",
  metadata: { name: "none" },
  spec: { path },
});

const names = (list: Json): unknown => (list["items"] as Json[]).map(({ metadata }) => metadata.name);
/** What a case is about is refused by every server; should it not be, this is seen. */
const accepted = (): unknown => "accepted";
const specAndStatus = ({ metadata, spec, status }: Json): unknown => ({
  generation: metadata["generation"],
  spec,
  status,
});

/** A move that the case removes at its end. */
async function withMove(c: Conversation, run: (name: string) => Promise<unknown>): Promise<void> {
  const name = `move-${c.run}`;
  await c.given.create("volumemoves", move(name));
  await run(name);
  await c.given.delete("volumemoves", name);
}

/** A copy that the case removes at its end. */
async function withCopy(c: Conversation, run: (name: string, made: Json) => Promise<unknown>): Promise<void> {
  const name = `copy-${c.run}`;
  await run(name, await c.given.create("volumecopies", copy(name)));
  await c.given.delete("volumecopies", name);
}

export const customKinds: Topic = {
  name: "custom-kinds",
  cases: [
    claim(31, "an object of our kinds is made with its defaults, and its status is dropped", async (c) => {
      const name = `move-${c.run}`;
      await c.create("volumemoves", { ...move(name), status: { phase: "Done" } });
      await c.get("volumemoves", name);
      await c.create("volumemoves", move(name));
      await c.given.delete("volumemoves", name);
    }),
    claim(31, "a dry run works for our kinds", async (c) => {
      await c.create("volumecopies", copy(`copy-${c.run}`), { query: { dryRun: "All" } });
      await c.get("volumecopies", `copy-${c.run}`);
    }),
    claim(31, "a missing field is Invalid, with one cause for each", async (c) => {
      await c.create("volumecopies", copy("none", { nodeName: undefined }));
      await c.create("volumecopies", copy("none", { volume: undefined, nodeName: undefined }));
      await c.create("volumecopies", { ...copy("none"), spec: undefined });
      await c.create("localvolumes", localVolume("none", { directory: { mode: "0777" } }));
    }),
    claim(31, "a word that is not in the enum is Invalid", async (c) => {
      await c.create("volumemoves", move("none", { reason: "Mood" }));
      await c.create("localvolumes", localVolume("none", { policies: { onDrain: "Panic" } }));
      await c.create("volumemoves", move("none", { volumes: [{ name: "data", mode: "Guess" }] }));
    }),
    claim(31, "a value of another type is Invalid", async (c) => {
      await c.create("volumecopies", copy("none", { nodeName: 1 }));
      await c.create("localvolumes", localVolume("none", { epoch: "one" }));
      await c.create("localvolumes", localVolume("none", { epoch: 1.5 }));
      await c.create("localvolumes", localVolume("none", { reclaim: "yes" }));
      await c.create("volumemoves", move("none", { volumes: "data" }));
      await c.create("volumecopies", { ...copy("none"), spec: "data" });
    }),
    claim(31, "a value that is too small, too long, too many or of another form is Invalid", async (c) => {
      await c.create("localvolumes", localVolume("none", { epoch: 0 }));
      await c.create("localvolumes", localVolume("none", { originHostname: "a".repeat(64) }));
      await c.create("localvolumes", localVolume("none", { incarnation: "" }));
      await c.create("volumecopies", copy("none", { nodeName: "Not A Node" }));
      await c.create("volumemoves", move("none", { volumes: [] }));
      await c.create("localvolumes", localVolume("none", { directory: { mode: "0777", uid: -1, gid: 0 } }));
      await c.create("localvolumes", localVolume("none", { directory: { mode: "0777", uid: 0, gid: 4294967295 } }));
      const many = Array.from({ length: 65 }, (_, index) => ({ name: `data-${String(index)}` }));
      await c.create("volumemoves", move("none", { volumes: many }));
    }),
    claim(31, "a sentence of the kind's own rules refuses an object", async (c) => {
      const options = { query: { dryRun: "All" }, show: accepted };
      await c.create("volumemoves", move("none", { to: "bare-1" }), options);
      await c.create("volumemoves", move("none", { volumes: [{ name: "data" }, { name: "data" }] }), options);
    }),
    claim(31, "the spec of a move never changes", async (c) => {
      await withMove(c, async (name) => {
        await c.patch("volumemoves", name, "merge", { spec: { to: "bare-3" } }, { show: accepted });
        await c.patch("volumemoves", name, "merge", { spec: { from: "bare-3" } }, { show: accepted });
        await c.patch("volumemoves", name, "json", [{ op: "remove", path: "/spec/to" }], { show: accepted });
        await c.patch("volumemoves", name, "merge", { spec: { bandwidth: "10Mi" } }, { show: specAndStatus });
      });
    }),
    claim(31, "a rule of the whole object names the field that it is about, or none", async (c) => {
      const dry = { query: { dryRun: "All" }, show: accepted };
      await c.create("localvolumes", localVolume("a".repeat(100)), dry);
      await c.create("localvolumes", localVolume("none"), dry);
    }),
    claim(31, "every rule that is broken is a cause, those of the object before those of the spec", async (c) => {
      const broken = {
        mayCreate: { nodeName: "bare-2", epoch: 1 },
        fence: INCARNATION,
        activeMove: { name: "other", uid: OTHER_UID },
      };
      await c.create("localvolumes", localVolume("a".repeat(100), broken));
    }),
    claim(31, "no rule is looked at of an object whose form is wrong", async (c) => {
      await c.create("volumemoves", move("none", { to: "bare-1", reason: "Mood" }));
      await c.create("volumemoves", move("none", { to: "bare-1", volumes: [] }));
    }),
    claim(31, "a part of a path is what is between slashes", async (c) => {
      const dry = { query: { dryRun: "All" }, show: accepted };
      for (const path of ["/a/../b", "/a/.", "/a/..b", "/a.b/c"]) await c.create("storagepools", pool(path), dry);
    }),
    claim(31, "a rule about what was is looked at when it changes, by PATCH and by PUT", async (c) => {
      const name = `volume-${c.run}`;
      await c.given.create("localvolumes", localVolume(name, { epoch: 3, nodeName: "bare-1" }));
      const change = async (spec: object): Promise<unknown> =>
        await c.patch("localvolumes", name, "merge", { spec }, { show: ({ spec: now }) => now });
      await change({ epoch: 2 });
      await change({ nodeName: "bare-2" });
      await change({ nodeName: "bare-2", epoch: 4, mayCreate: { nodeName: "bare-2", epoch: 4 } });
      await change({ mayCreate: null });
      await change({ mayCreate: { nodeName: "bare-2", epoch: 4 } });
      await change({ mayCreate: { nodeName: "bare-2", epoch: 5 }, epoch: 5 });
      await change({ reclaim: true, mayCreate: null });
      await change({ reclaim: false, pool: "other" });
      const now = await c.given.get("localvolumes", name);
      const spec = { ...(now["spec"] as object), epoch: 1, pool: "other", originHostname: "bare-2" };
      await c.replace("localvolumes", name, { ...now, spec });
      await c.given.delete("localvolumes", name);
    }),
    claim(31, "a list that never changes is compared item by item", async (c) => {
      await withMove(c, async (name) => {
        const change = async (volumes: readonly object[]): Promise<unknown> =>
          await c.patch("volumemoves", name, "merge", { spec: { volumes } }, { show: accepted });
        await change([{ name: "data", mode: "Copy" }]);
        await change([{ name: "data" }]);
        await change([{ name: "data", mode: "Rebuild" }]);
        await change([{ name: "data" }, { name: "more" }]);
      });
    }),
    claim(31, "a move goes from phase to phase only as its rules say, which say so themselves", async (c) => {
      await withMove(c, async (name) => {
        const enter = async (status: object | null): Promise<unknown> =>
          await c.patch(
            "volumemoves",
            name,
            "merge",
            { status },
            { subresource: "status", show: ({ status: now }) => now },
          );
        await enter({ phase: "Copying" });
        await enter({ message: "not yet" });
        await enter({ phase: "Planned" });
        await enter({ phase: "Done" });
        await enter({ phase: null });
        await enter(null);
        await enter({ phase: "Copying", target: "bare-2", committed: true });
        await enter({ phase: "Copying", target: "bare-2" });
        await enter({ phase: "Prepared" });
        await enter({ phase: "Fenced" });
        await enter({ phase: "Fenced", sealing: 1 });
        await enter({ phase: "Sealed", sealing: 0 });
        await enter({ phase: "Sealed" });
        await enter({ phase: "Committed", committed: true, target: "bare-3" });
        await enter({ phase: "Committed" });
        await enter({ phase: "Committed", committed: true });
        await enter({ committed: false });
        await enter({ phase: "Undoing", committed: false });
        await enter({ phase: "Done" });
        // A write of the spec is held to the rules of the status as well, which it leaves alone.
        await c.patch("volumemoves", name, "merge", { spec: { bandwidth: "1Mi" } }, { show: specAndStatus });
      });
    }),
    claim(31, "a write of the object leaves the status, and a write of the status leaves the spec", async (c) => {
      await withCopy(c, async (name, made) => {
        const status = { purged: true };
        const other = { ...made, spec: { volume: "other", nodeName: "bare-1" }, status };
        await c.replace("volumecopies", name, other, { subresource: "status", show: specAndStatus });
        await c.patch("volumecopies", name, "merge", { status: { purged: false } }, { show: specAndStatus });
        await c.patch(
          "volumecopies",
          name,
          "merge",
          { metadata: { labels: { a: "b" } }, spec: { volume: "other" }, status: { purged: false } },
          { subresource: "status" },
        );
        await c.get("volumecopies", name, { subresource: "status", show: specAndStatus });
      });
    }),
    claim(31, "a status that does not fit the schema is Invalid", async (c) => {
      await withCopy(c, async (name) => {
        const write = async (status: object): Promise<unknown> =>
          await c.patch("volumecopies", name, "merge", { status }, { subresource: "status" });
        const one = { epoch: 1, directory: "1", state: "Active", incarnation: INCARNATION, poolUUID: INCARNATION };
        await write({ copies: [{ ...one, state: "Gone" }] });
        await write({ copies: [{ ...one, epoch: undefined }] });
        await write({ purged: "yes" });
        await write({ copies: [one, one] });
        await write({ move: { moveUID: "a", sealing: 0, role: "Source", state: "Sealed", at: "yesterday" } });
      });
    }),
    claim(31, "a write of the status with an old version is a Conflict, of nothing NotFound", async (c) => {
      await withCopy(c, async (name, made) => {
        await c.given.patch("volumecopies", name, "merge", { metadata: { labels: { a: "b" } } });
        await c.replace("volumecopies", name, { ...made, status: { purged: true } }, { subresource: "status" });
        await c.replace("volumecopies", `no-${c.run}`, copy(`no-${c.run}`), { subresource: "status" });
      });
    }),
    claim(31, "a replacement without a version is Invalid", async (c) => {
      await withCopy(c, async (name) => {
        await c.replace("volumecopies", name, copy(name));
        await c.replace("volumecopies", `no-${c.run}`, copy(`no-${c.run}`));
      });
    }),
    claim(31, "what a selectable field says selects", async (c) => {
      const node = `node-${c.run}`;
      await c.given.create("volumecopies", copy(`a-${c.run}`, { nodeName: node }));
      await c.given.create("volumecopies", copy(`b-${c.run}`, { nodeName: node, volume: "other" }));
      await c.given.create("localvolumes", localVolume(`a-${c.run}`, { nodeName: node }));
      await c.given.create("localvolumes", localVolume(`b-${c.run}`, { nodeName: node, reclaim: true }));
      const list = async (kind: "volumecopies" | "localvolumes", fieldSelector: string): Promise<unknown> =>
        await c.list(kind, { query: { fieldSelector }, show: names });
      await list("volumecopies", `spec.nodeName=${node}`);
      await list("volumecopies", `spec.nodeName=${node},spec.volume!=data`);
      await list("localvolumes", `spec.nodeName=${node},spec.reclaim=true`);
      await list("localvolumes", `spec.nodeName=${node},spec.reclaim=false`);
      await list("localvolumes", `spec.nodeName=${node},metadata.name=b-${c.run}`);
      for (const kind of ["volumecopies", "localvolumes"] as const) {
        for (const letter of ["a", "b"]) await c.given.delete(kind, `${letter}-${c.run}`);
      }
    }),
    claim(31, "a field that is not selectable is a BadRequest", async (c) => {
      await c.list("volumecopies", { query: { fieldSelector: "status.purged=true" } });
      await c.list("localvolumes", { query: { fieldSelector: "spec.pool=default" } });
      await c.list("storagepools", { query: { fieldSelector: "spec.path=/a" } });
    }),
    claim(31, "an object enters and leaves a watch of a selectable field", async (c) => {
      const node = `node-${c.run}`;
      const name = `a-${c.run}`;
      const { metadata } = await c.given.create("localvolumes", localVolume(name, { nodeName: node }));
      const query = {
        fieldSelector: `spec.nodeName=${node},spec.reclaim=true`,
        resourceVersion: metadata.resourceVersion,
      };
      const watch = await c.watch("localvolumes", { query });
      await c.given.patch("localvolumes", name, "merge", { spec: { reclaim: true } });
      await c.given.patch("localvolumes", name, "merge", { spec: { nodeName: "bare-2", epoch: 2 } });
      await watch.until(({ type }) => type === "DELETED");
      await c.given.delete("localvolumes", name);
    }),
    claim(31, "unknown fields are dropped, warned of, or refused, as the client asks", async (c) => {
      const name = `copy-${c.run}`;
      const odd = { ...copy(name, { colour: "red", nodeName: "bare-1" }), extra: 1 };
      await c.create("volumecopies", odd, { query: { fieldValidation: "Strict" } });
      await c.create("volumecopies", odd, { query: { fieldValidation: "Ignore", dryRun: "All" } });
      await c.create("volumecopies", odd);
      const query = { fieldValidation: "Strict" };
      // Not by a patch: that refusal prints the whole object with its managedFields.
      const made = await c.given.get("volumecopies", name);
      await c.replace(
        "volumecopies",
        name,
        { ...made, spec: { ...(made["spec"] as object), colour: "red" } },
        { query },
      );
      await c.replace("volumecopies", name, { ...made, status: { colour: "red" } }, { query, subresource: "status" });
      await c.given.delete("volumecopies", name);
    }),
    claim(31, "a deletion for another uid is a Conflict for our kinds too", async (c) => {
      const name = `copy-${c.run}`;
      const { metadata } = await c.given.create("volumecopies", copy(name));
      await c.delete("volumecopies", name, { preconditions: { uid: OTHER_UID } });
      await c.delete("volumecopies", name, { preconditions: { uid: metadata.uid } });
      await c.get("volumecopies", name);
    }),
    claim(31, "a finalizer of ours holds an object until it is taken off, and none is added meanwhile", async (c) => {
      const name = `copy-${c.run}`;
      await c.given.create("volumecopies", copy(name, {}, { finalizers: ["mooring.dev/copy"] }));
      await c.delete("volumecopies", name);
      const add = { metadata: { finalizers: ["mooring.dev/copy", "mooring.dev/other"] } };
      await c.patch("volumecopies", name, "merge", add);
      await c.patch("volumecopies", name, "merge", { status: { purged: true } }, { subresource: "status" });
      await c.patch("volumecopies", name, "merge", { metadata: { finalizers: null } });
      await c.get("volumecopies", name);
    }),
  ],
};
