import { describe, expect, it } from "vitest";
import { aboutObject, newEvent } from "./event-object.ts";
import { pods } from "../kinds.ts";
import { defineResource } from "../resource.ts";

const moves = defineResource({
  group: "example.test",
  version: "v1alpha1",
  plural: "moves",
  kind: "Move",
  namespaced: false,
});

describe("what an event is about", () => {
  it("has the resource's apiVersion and kind, for an item of a list has none", () => {
    const metadata = { name: "a", namespace: "x", uid: "uid-1", resourceVersion: "7" };
    expect(aboutObject(pods, { metadata })).toEqual({
      apiVersion: "v1",
      kind: "Pod",
      name: "a",
      namespace: "x",
      uid: "uid-1",
      resourceVersion: "7",
    });
  });

  it("may be an object of our own group, which has no namespace", () => {
    const about = aboutObject(moves, { metadata: { name: "m", uid: "uid-2", resourceVersion: "9" } });
    expect(about).toEqual({
      apiVersion: "example.test/v1alpha1",
      kind: "Move",
      name: "m",
      uid: "uid-2",
      resourceVersion: "9",
    });
  });

  it("puts the event of a cluster-scoped object into the namespace default", () => {
    const about = aboutObject(moves, { metadata: { name: "m", uid: "uid-2", resourceVersion: "9" } });
    const event = newEvent(
      {
        name: "m.1",
        about,
        event: { type: "Normal", reason: "Moved", message: "moved" },
        count: 1,
        firstAt: 0,
        lastAt: 0,
      },
      { component: "test" },
    );
    expect(event.metadata.namespace).toBe("default");
    expect(event.involvedObject).toEqual(about);
  });
});
