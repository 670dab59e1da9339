import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failureOf, tailOf, troubleOf } from "./trouble.ts";

describe("the end of a log", () => {
  it("is the last five lines", () => {
    expect(tailOf("a\nb\nc\nd\ne\nf\n\n")).toBe("b\nc\nd\ne\nf");
    expect(tailOf("one")).toBe("one");
    expect(tailOf("")).toBe("");
  });

  it("is never longer than 1,024 characters, and always the end of the log", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 4000 }), (log) => {
        const tail = tailOf(log);
        expect(tail.length).toBeLessThanOrEqual(1024);
        expect(tail.split("\n").length).toBeLessThanOrEqual(5);
        expect(log.replace(/\n+$/, "").endsWith(tail.replace(/^\ufffd/, ""))).toBe(true);
      }),
    );
  });
});

describe("what is wrong with a pod", () => {
  it("is nothing while it is being prepared", () => {
    const waiting = { reason: "ContainerCreating" };
    const status = { name: "c", image: "", imageID: "", ready: false, restartCount: 0, state: { waiting } };
    expect(troubleOf({ status: { phase: "Pending", containerStatuses: [status] } })).toBeUndefined();
    expect(troubleOf({})).toBeUndefined();
  });

  it("is said by the pod, or by the container that ended badly", () => {
    const ended = (terminated: { exitCode: number; reason?: string; message?: string }) => ({
      status: {
        phase: "Failed",
        containerStatuses: [
          { name: "c", image: "", imageID: "", ready: false, restartCount: 0, state: { terminated } },
        ],
      },
    });
    expect(failureOf({ status: { reason: "DeadlineExceeded" } })).toBe("DeadlineExceeded");
    expect(failureOf(ended({ exitCode: 137, reason: "OOMKilled" }))).toBe("OOMKilled, exit code 137");
    expect(failureOf(ended({ exitCode: 2, reason: "Error", message: "no space" }))).toBe("exit code 2, no space");
    expect(failureOf(ended({ exitCode: 0 }))).toBe("");
  });
});
