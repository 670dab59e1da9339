import { claim, type Topic } from "../case.ts";
import type { Conversation, Json } from "../conversation.ts";
import { configMap } from "../objects.ts";
import { gone } from "../phases.ts";

const HOLD = { finalizers: ["example.com/hold"] };
const metadataOf = ({ metadata }: Json): unknown => ({ metadata });

/** A ConfigMap that belongs to another. */
async function dependent(c: Conversation, name: string, owner: Json, more: object = {}): Promise<void> {
  const reference = {
    apiVersion: "v1",
    kind: "ConfigMap",
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    ...more,
  };
  await c.given.create("configmaps", configMap(name, {}, { ownerReferences: [reference] }));
}

/** A second namespace, held by an object in it. */
async function heldNamespace(c: Conversation): Promise<string> {
  const name = `second-${c.run}`;
  await c.given.create("namespaces", { metadata: { name } });
  await c.until("serviceaccounts", "default", (object) => object !== undefined, { namespace: name });
  await c.given.create("configmaps", configMap("held", {}, HOLD), { namespace: name });
  return name;
}

const release = async (c: Conversation, namespace: string): Promise<void> => {
  await c.given.patch("configmaps", "held", "merge", { metadata: { finalizers: null } }, { namespace });
};

export const endings: Topic = {
  name: "endings",
  cases: [
    claim(11, "a new namespace is Active, with its own finalizer and a label with its name", async (c) => {
      const name = `second-${c.run}`;
      await c.create("namespaces", { metadata: { name } });
      await c.given.delete("namespaces", name);
    }),
    claim(11, "a deleted namespace is Terminating at once, and gone when it is empty", async (c) => {
      const name = await heldNamespace(c);
      await c.delete("namespaces", name, undefined, {
        show: ({ metadata, spec, status }) => ({ metadata, spec, phase: (status as { phase: string }).phase }),
      });
      await release(c, name);
      await c.until("namespaces", name, gone);
      await c.get("namespaces", name);
      await c.list("configmaps", { namespace: name, show: (list) => list["items"] });
    }),
    claim(11, "nothing is created in a namespace that is terminating, what is there can be changed", async (c) => {
      const name = await heldNamespace(c);
      await c.given.delete("namespaces", name);
      await c.create("configmaps", configMap("late"), { namespace: name });
      await c.patch(
        "configmaps",
        "held",
        "merge",
        { data: { a: "1" } },
        { namespace: name, show: (object) => object["data"] },
      );
      await release(c, name);
    }),
    claim(11, "the default namespace cannot be deleted", async (c) => {
      await c.delete("namespaces", "default");
      await c.delete("namespaces", "kube-system");
    }),
    claim(12, "what its owner leaves behind is deleted", async (c) => {
      const owner = await c.given.create("configmaps", configMap("owner"));
      await dependent(c, "child", owner);
      await c.given.delete("configmaps", "owner");
      await c.until("configmaps", "child", gone);
      await c.get("configmaps", "child");
    }),
    claim(12, "an owner of the right name and another uid is no owner", async (c) => {
      const owner = await c.given.create("configmaps", configMap("owner"));
      await dependent(c, "child", { metadata: { ...owner.metadata, uid: "00000000-0000-4000-8000-000000000000" } });
      await c.until("configmaps", "child", gone);
      await c.get("configmaps", "child");
      await c.get("configmaps", "owner");
    }),
    claim(12, "an orphaned dependent stays, without the owner", async (c) => {
      const owner = await c.given.create("configmaps", configMap("owner"));
      await dependent(c, "child", owner);
      await c.given.delete("configmaps", "owner", { propagationPolicy: "Orphan" });
      await c.until("configmaps", "owner", gone);
      await c.get("configmaps", "child", { show: metadataOf });
    }),
    claim(12, "in the foreground the owner goes after the dependents that block it", async (c) => {
      const owner = await c.given.create("configmaps", configMap("owner"));
      await dependent(c, "child", owner, { blockOwnerDeletion: true, controller: true });
      await c.given.patch("configmaps", "child", "merge", { metadata: HOLD });
      await c.delete("configmaps", "owner", { propagationPolicy: "Foreground" }, { show: metadataOf });
      await c.until("configmaps", "child", (object) => object?.metadata["deletionTimestamp"] !== undefined);
      await c.get("configmaps", "owner", { show: ({ metadata }) => metadata["finalizers"] });
      await c.given.patch("configmaps", "child", "merge", { metadata: { finalizers: null } });
      await c.until("configmaps", "owner", gone);
      await c.get("configmaps", "owner");
    }),
    claim(12, "two controllers of one object are Invalid", async (c) => {
      const owner = (name: string): object => ({
        apiVersion: "v1",
        kind: "ConfigMap",
        name,
        uid: `00000000-0000-4000-8000-00000000000${name}`,
        controller: true,
      });
      await c.create("configmaps", configMap("child", {}, { ownerReferences: [owner("1"), owner("2")] }));
    }),
  ],
};
