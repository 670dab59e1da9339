import { statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { hasTool } from "../../sys/testing/scratch.fixture.ts";
import { directoryAt, shell, sourceAndTarget } from "../testing/trees.fixture.ts";
import { glanceAt, isBareAt } from "./glance.ts";

const name = (text: string): Buffer => Buffer.from(text, "latin1");

describe("a glance at a name", () => {
  it("gives the state of the object with that name, and follows no symlink", () => {
    const { source, from } = sourceAndTarget();
    shell(source, "printf hello > $'f\\xff'; ln -s $'f\\xff' link");
    const stat = glanceAt(from, name("f\xff"));
    expect(stat).toMatchObject({ type: "file", size: 5n });
    expect(glanceAt(from, name("link"))).toMatchObject({ type: "symlink" });
    expect(glanceAt(from, name("link"))?.ino).not.toBe(stat?.ino);
  });

  it("gives nothing where there is nothing, or where something is mounted", () => {
    const { from } = sourceAndTarget();
    expect(glanceAt(from, name("gone"))).toBeUndefined();
    const root = directoryAt("/");
    expect(glanceAt(root, name("proc"))).toBeUndefined();
    expect(statSync("/proc").isDirectory()).toBe(true);
    expect(glanceAt(root, name("usr"))).toMatchObject({});
  });
});

describe("a file is bare by its name", () => {
  /** What happens after the glance. */
  const CHANGES: Readonly<Record<string, string>> = {
    gone: "rm f",
    "of another mode": "chmod 600 f",
    "of another time": "touch -d @5 f",
    "written to": "printf x >> f",
    "another one": "printf hello > new; touch -r f new; mv new f",
    ...(hasTool("setfattr") ? { "with an attribute": "setfattr -n user.note -v x f" } : {}),
    ...(hasTool("setfacl") ? { "with an ACL": "setfacl -m u:1234:rwx f" } : {}),
  };

  it("as long as it has not changed", () => {
    const { source, from } = sourceAndTarget();
    shell(source, "printf hello > f");
    const before = glanceAt(from, name("f"));
    if (before === undefined) throw new Error("there is no file");
    expect(isBareAt(from, name("f"), before)).toBe(true);
  });

  it.each(Object.entries(CHANGES))("and not when it is %s", (_what, change) => {
    const { source, from } = sourceAndTarget();
    shell(source, "printf hello > f; touch -d @1 f");
    const before = glanceAt(from, name("f"));
    if (before === undefined) throw new Error("there is no file");
    shell(source, change);
    expect(isBareAt(from, name("f"), before)).toBe(false);
  });

  it.skipIf(!hasTool("setfattr"))("also with an attribute that was there before, but not by a symlink's target", () => {
    const { source, from } = sourceAndTarget();
    shell(source, "printf hello > f; setfattr -n user.note -v x f; ln -s f link");
    for (const [which, isBare] of [
      ["f", false],
      ["link", true],
    ] as const) {
      const stat = glanceAt(from, name(which));
      if (stat === undefined) throw new Error("it is gone");
      expect(isBareAt(from, name(which), stat)).toBe(isBare);
    }
  });
});
