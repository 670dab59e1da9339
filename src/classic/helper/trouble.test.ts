import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failureOf, tailOf, troubleOf } from "./trouble.ts";

describe("the end of a log", () => {
  it("is the last five lines", () => {
    expect(tailOf("a\nb\nc\nd\ne\nf\n\n")).toBe("b\nc\nd\ne\nf");
    expect(tailOf("one")).toBe("one");
    expect(tailOf("")).toBe("");
  });

  it("is never longer than 800 characters, and every line keeps its beginning and its end", () => {
    const text = fc.array(fc.oneof(fc.string(), fc.string({ minLength: 500, maxLength: 5000 })), { maxLength: 8 });
    fc.assert(
      fc.property(text, (lines) => {
        const log = lines.join("\n").replace(/\n+$/, "");
        const tail = tailOf(log);
        expect(tail.length).toBeLessThanOrEqual(800);
        const [wanted, got] = [log.split("\n").slice(-5), tail.split("\n")];
        expect(got).toHaveLength(wanted.length);
        for (const [at, line] of wanted.entries()) {
          if (got[at] === line) continue;
          const [start = "", end = ""] = (got[at] ?? "").split("…");
          expect(line.startsWith(start) && line.endsWith(end) && end.length >= 100).toBe(true);
        }
      }),
    );
  });

  it("names the cause also in the first of lines of more than 4 kB", () => {
    const line = (why: string) => `rm: can't remove '/opt/${"d/".repeat(2100)}x': ${why}`;
    const log = [line("File name too long"), ...["b", "c", "d", "e"].map(() => line("Directory not empty"))].join("\n");
    expect(tailOf(log)).toContain("File name too long\nrm: can't remove '/opt/d");
    expect(tailOf(log).endsWith("Directory not empty")).toBe(true);
  });

  it("breaks no character", () => {
    expect(tailOf("😀".repeat(3000))).toMatch(/^(😀|\ufffd)+…(😀|\ufffd)+$/u);
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
