import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { readMoveOptions } from "./options.ts";

describe("the options of move", () => {
  it("measure everything at full size when there are none", () => {
    expect(readMoveOptions(["move"])).toEqual({
      json: undefined,
      subjects: ["mooring", "rsync-local", "tls-stream", "disk"],
      cases: ["large", "small", "sparse", "downtime"],
      volumes: ["idle-1g", "idle-5g", "idle-10000", "log-1g", "appended-1g"],
      rounds: 1,
      shrink: 1,
      directory: tmpdir(),
      profile: undefined,
    });
  });

  it("choose, in the order of the table", () => {
    const args = [
      "move",
      "--only",
      "disk,mooring",
      "--cases",
      "sparse,downtime,large",
      "--volumes",
      "idle-1g",
      "--rounds",
      "3",
      "--shrink",
      "16",
    ];
    expect(readMoveOptions([...args, "--json", "out", "--dir", "/mnt", "--profile", "prof"])).toEqual({
      json: "out",
      subjects: ["mooring", "disk"],
      cases: ["large", "sparse", "downtime"],
      volumes: ["idle-1g"],
      rounds: 3,
      shrink: 16,
      directory: "/mnt",
      profile: "prof",
    });
  });

  it("give help before anything else", () => {
    expect(readMoveOptions(["move", "--shrink", "none", "--help"])).toBe("help");
  });

  it.each([
    [["move", "--only", "scp"], '--only: "scp" is none of mooring, rsync-local, tls-stream, disk'],
    [["move", "--cases", "huge"], '--cases: "huge" is none of large, small, sparse, downtime'],
    [["move", "--shrink", "0"], '--shrink: "0" is no whole number from 1 on'],
    [["move", "--rounds", "1.5"], '--rounds: "1.5" is no whole number from 1 on'],
    [["move", "now"], 'move takes options only, not "now"'],
  ])("refuse %j", (args, message) => {
    expect(() => readMoveOptions(args)).toThrow(message);
  });
});
