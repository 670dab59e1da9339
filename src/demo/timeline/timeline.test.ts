import { describe, expect, it } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { plainPrinter } from "./printer.ts";
import { printerFor } from "./printer-for.ts";
import { terminalPrinter } from "./terminal-printer.ts";
import { Timeline } from "./timeline.ts";

function setup() {
  const clock = manualClock();
  let text = "";
  const timeline = new Timeline(
    clock,
    plainPrinter((more) => {
      text += more;
    }),
  );
  return { clock, timeline, lines: () => text.split("\n").filter((line) => line !== "") };
}

const line = (text: string) => ({ actor: "scheduler", text });

describe("the timeline", () => {
  it("shows what happened by resource version, whichever watch was first", async () => {
    const { clock, timeline, lines } = setup();
    timeline.record([line("third")], "103");
    timeline.record([line("first")], "99");
    timeline.record([line("second")], "100");
    await clock.advance(100);
    expect(lines().map((each) => each.trim().split(/\s+/).at(-1))).toEqual(["first", "second", "third"]);
  });

  it("never shows a time that is earlier than the one before", async () => {
    const { clock, timeline, lines } = setup();
    await clock.advance(1_000);
    timeline.record([line("second")], "2");
    await clock.advance(60);
    timeline.record([line("first")], "1");
    await clock.advance(100);
    expect(lines()).toEqual(["  1.1 s  scheduler       first", "  1.1 s  scheduler       second"]);
  });

  it("shows all that was recorded before a new part begins", () => {
    const { timeline, lines } = setup();
    timeline.record([line("before")], "1");
    timeline.act("Next");
    timeline.record([line("after")], "2");
    timeline.flush();
    expect(lines()).toEqual(["  0.0 s  scheduler       before", "Next", "  0.0 s  scheduler       after"]);
  });
});

describe("plain lines", () => {
  it("hold no control characters, whatever a container wrote", () => {
    const { timeline, lines } = setup();
    timeline.record([line("one\n  two\u001b[2J\u0007")], "1");
    timeline.flush();
    expect(lines()).toEqual(["  0.0 s  scheduler       one | two?[2J?"]);
  });

  it("are what everything but a colourful terminal gets", () => {
    const escapes = (env: Record<string, string>, isTTY?: boolean): boolean => {
      let text = "";
      const write = (more: string): void => {
        text += more;
      };
      printerFor({ write, ...(isTTY === undefined ? {} : { isTTY }) }, env).act("Title");
      return text.includes("\u001b");
    };
    expect([escapes({}), escapes({}, true), escapes({ TERM: "dumb" }, true), escapes({ NO_COLOR: "1" }, true)]).toEqual(
      [false, true, false, false],
    );
  });
});

describe("a terminal", () => {
  // What a terminal shows of it: colours are nothing, and what is cleared is gone.
  const screen = (text: string): string[] => {
    const rows = [""];
    // oxlint-disable-next-line no-control-regex -- the very thing
    for (const [part] of text.matchAll(/\u001b\[2K|\u001b\[\d+m|\r|\n|[^\u001b\r\n]+/g)) {
      if (part === "\n") rows.push("");
      else if (part === "\u001b[2K") rows[rows.length - 1] = "";
      else if (!part.startsWith("\u001b") && part !== "\r") rows[rows.length - 1] += part;
    }
    return rows;
  };

  it("keeps the state below the lines, and nothing of it at the end", () => {
    let text = "";
    const printer = terminalPrinter({
      write: (more: string) => {
        text += more;
      },
      columns: 80,
    });
    printer.live("1 pod");
    printer.line(1, line("a"));
    expect(screen(text)).toEqual(["  1.0 s  scheduler       a", "1 pod"]);
    printer.live("2 pods");
    printer.line(2, line("b"));
    expect(screen(text)).toEqual(["  1.0 s  scheduler       a", "  2.0 s  scheduler       b", "2 pods"]);
    printer.live("");
    expect(screen(text)).toEqual(["  1.0 s  scheduler       a", "  2.0 s  scheduler       b", ""]);
  });

  it("gets long lines broken between words, below their own beginning", () => {
    let text = "";
    const write = (more: string): void => {
      text += more;
    };
    terminalPrinter({ write, columns: 45 }).line(1, line("0/3 nodes are available: none"));
    expect(screen(text)).toEqual([
      "  1.0 s  scheduler       0/3 nodes are",
      "                         available: none",
      "",
    ]);
  });
});
