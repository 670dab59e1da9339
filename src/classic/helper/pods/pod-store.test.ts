import { describe, expect, test } from "vitest";
import type { Pod } from "../../../kube/kinds.ts";
import { IndexedStore, type Change } from "../../../kube/watch/store.ts";
import { WatchedPods } from "./pod-store.ts";

const pod = (uid: string, phase = "Pending"): Pod => ({
  metadata: { name: "helper", namespace: "ns", uid },
  status: { phase },
});

/** A watch that shows what the test lets it show. */
function watched() {
  const store = new IndexedStore<Pod>({}, () => undefined);
  const handlers = new Set<(change: Change<Pod>) => void>();
  const informer = {
    store,
    onChange: (handler: (change: Change<Pod>) => void) => {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
  const tell = (type: Change<Pod>["type"], object: Pod): void => {
    for (const handler of handlers) handler({ type, key: "ns/helper", object });
  };
  const pods = new WatchedPods(informer, "ns", "rancher.io/local-path");
  return {
    pods,
    show: (object: Pod) => {
      store.set("ns/helper", object);
      tell("updated", object);
    },
    showEnd: (object: Pod) => {
      store.delete("ns/helper");
      tell("deleted", object);
    },
    uid: () => pods.get("helper")?.metadata?.uid,
  };
}

describe("a pod that was created", () => {
  test("is known before the watch shows it, and listeners hear of it", () => {
    const { pods, uid } = watched();
    const heard: string[] = [];
    pods.onChange((name) => heard.push(`any ${name}`));
    pods.watch("helper", () => heard.push("this one"));
    pods.created(pod("1"));
    expect(uid()).toBe("1");
    expect(heard.toSorted()).toEqual(["any helper", "this one"]);
  });

  test("is reported to a listener that is added later, like all others, and to none that was removed", () => {
    const { pods, show } = watched();
    const other = pod("0");
    show({ ...other, metadata: { ...other.metadata, name: "other" } });
    pods.created(pod("1"));
    const heard: string[] = [];
    const stop = pods.onChange((name) => heard.push(name));
    expect(heard.toSorted()).toEqual(["helper", "other"]);
    stop();
    show(pod("1", "Running"));
    expect(heard).toHaveLength(2);
  });

  test("is as the watch shows it once it does, and gone when it says so", () => {
    const { pods, show, showEnd, uid } = watched();
    pods.created(pod("1"));
    show(pod("1", "Running"));
    expect(pods.get("helper")?.status?.phase).toBe("Running");
    showEnd(pod("1", "Running"));
    expect(uid()).toBeUndefined();
  });

  test("is not hidden by the end of one of the same name before it", () => {
    const { pods, show, showEnd, uid } = watched();
    show(pod("1"));
    pods.created(pod("2"));
    expect(uid()).toBe("2");
    showEnd(pod("1"));
    expect(uid()).toBe("2");
  });

  test("goes when the server answers that it is gone, or another has its name", () => {
    const { pods, uid } = watched();
    pods.created(pod("1"));
    pods.answered("helper", pod("1", "Running"));
    expect(pods.get("helper")?.status?.phase).toBe("Running");
    pods.answered("helper", undefined);
    expect(uid()).toBeUndefined();
    pods.created(pod("2"));
    pods.answered("helper", pod("3"));
    expect(uid()).toBeUndefined();
  });

  test("is the watch's when that was faster than the answer", () => {
    const { pods, show } = watched();
    show(pod("1", "Succeeded"));
    pods.created(pod("1"));
    expect(pods.get("helper")?.status?.phase).toBe("Succeeded");
  });
});
