import { describe, expect, it } from "vitest";
import { hasTool, notRoot } from "../sys/testing/scratch.fixture.ts";
import { copyEngine } from "./engine.ts";
import { Copy, LATER, LATER_OPEN } from "./testing/copy.fixture.ts";
import { describeTree, shell, sourceAndTarget } from "./testing/trees.fixture.ts";
import { items } from "./tree/flow.ts";
import { pathText } from "./tree/path.ts";
import { scan, type IsCounted } from "./tree/scan.ts";

const engine = copyEngine();
const never = new AbortController().signal;
const hasAttributes = hasTool("setfattr");

/** Each changes one file of its name. What it must not change comes after it. */
const CHANGES: Readonly<Record<string, string>> = {
  mode: "chmod 640 mode",
  time: "touch -d @5 time",
  content: "touch -r content was; printf CONTENT > content; touch -r was content; rm was",
  longer: "printf more >> longer",
  replaced: "printf replaced > new; touch -r replaced new; mv new replaced",
  gone: "rm gone",
  "a directory": "rm 'a directory'; mkdir 'a directory'",
  "a symlink": "rm 'a symlink'; ln -s mode 'a symlink'",
  "two names": "ln 'two names' 'two names more'",
  ...(notRoot ? {} : { owner: "chown 5:6 owner", setuid: "chmod 4755 setuid; chown 7 setuid; chmod 4755 setuid" }),
  ...(hasAttributes ? { attribute: "setfattr -n user.note -v x attribute" } : {}),
  ...(hasTool("setfacl") ? { acl: "setfacl -m u:1234:rwx acl" } : {}),
};

/** A volume whose files a live pass has brought and a second one has kept. */
async function keptTwice(): Promise<{ source: string; target: string; from: number; to: number; copy: Copy }> {
  const { source, target, from, to } = sourceAndTarget();
  const names = Object.keys(CHANGES).map((name) => `'${name}'`);
  shell(source, `for name in ${names.join(" ")}; do printf content > "$name"; done; touch -d @1 *`);
  const copy = new Copy(from, to, LATER);
  await copy.live();
  expect(await copy.live()).toMatchObject({ bytes: 0 });
  return { source, target, from, to, copy };
}

/** The kind of the first step of each file of the sealed tree. */
async function stepsOf({ copy, from }: { copy: Copy; from: number }): Promise<string[]> {
  const seen: string[] = [];
  const known = copy.source.beginSummary();
  for await (const step of items(scan(from, never, { known }))) {
    if (step.kind === "open" && step.name.length > 0) seen.push(`open ${step.name.toString()}`);
    if (step.kind === "kept" || step.kind === "small") seen.push(`${step.kind} ${pathText(step.entry.path)}`);
  }
  return seen;
}

describe("a file that both sides have", () => {
  it("takes one step if it has one name and no attributes", async () => {
    const { source, from, to } = sourceAndTarget();
    shell(
      source,
      "printf a > a; printf b > b; ln b c; : > d; head -c 3000000 /dev/urandom > e; mkdir f; printf g > f/g",
    );
    if (hasAttributes) shell(source, "printf h > h; setfattr -n user.note -v x h");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    expect(await stepsOf({ copy, from })).toEqual(
      ["kept a", "open b", "open c", "open d", "kept e", "open f", "kept f/g"].concat(hasAttributes ? ["open h"] : []),
    );
    await engine.summarize(from, never, copy.source);
    expect(await copy.final()).toMatchObject({ bytes: 0, kept: 3_000_003 + (hasAttributes ? 1 : 0) });
  });

  it.each(Object.entries(CHANGES))("is the source's after a change below the seal (%s)", async (_name, change) => {
    const { source, target, from, to, copy } = await keptTwice();
    shell(source, change);
    const summary = await engine.summarize(from, never, copy.source);
    await copy.final();
    expect(describeTree(target)).toBe(describeTree(source));
    expect(await engine.summarize(to, never)).toEqual(summary);
    expect(await engine.summarize(from, never)).toEqual(summary);
  });

  it("is the source's after every change between live passes, and back again", async () => {
    const { source, target, from, copy } = await keptTwice();
    shell(source, Object.values(CHANGES).join("\n"));
    await copy.live();
    expect(describeTree(target)).toBe(describeTree(source));
    expect(await copy.live()).toMatchObject({ bytes: 0 });
    if (hasAttributes) shell(source, "setfattr -x user.note attribute");
    if (hasTool("setfacl")) shell(source, "setfacl -b acl; chmod 644 mode");
    await engine.summarize(from, never, copy.source);
    expect(await copy.final()).toMatchObject({ bytes: 0 });
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("is read below the seal if it was open for writing, and then takes one step too", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "mkdir d; for i in {1..40}; do echo $i > d/$i; done; touch -d @1 d/*");
    const copy = new Copy(from, to, LATER_OPEN);
    await copy.live();
    const summary = await engine.summarize(from, never, copy.source);
    expect(await copy.final()).toMatchObject({ bytes: 0, kept: 111 });
    expect(describeTree(target)).toBe(describeTree(source));
    expect(summary).toEqual(await engine.summarize(to, never));
  });
});

describe("a kept file that was found as it was sent", () => {
  /** What happens on the target between the look at the frame and the read-back. */
  const BETWEEN: Readonly<Record<string, readonly [change: string, differs: boolean]>> = {
    "is gone": ["rm mode", true],
    "has another name": ["mv mode zzz", true],
    "has its neighbour's name": ["mv mode x; mv time mode; mv x time", true],
    "is one of several": ["printf content > another; touch -d @1 another", true],
    "was replaced": ["printf CONTENT > new; touch -d @1 new; mv new mode", true],
    "is a symlink now": ["rm mode; ln -s time mode", true],
    "got another mode": ["chmod 640 mode", true],
    "got another time": ["touch -d @5 mode", true],
    "was written to": ["printf C | dd of=mode conv=notrunc status=none; touch -d @1 mode", true],
    ...(notRoot ? {} : { "got another owner": ["chown 5:6 mode", true] }),
    ...(hasAttributes ? { "got an attribute": ["setfattr -n user.note -v x mode", true] } : {}),
    "was replaced by an equal one": ["printf content > new; touch -d @1 new; mv new mode", false],
  };

  const passes = Object.entries(BETWEEN).flatMap(([name, [change, differs]]) =>
    (["live", "final"] as const).map((pass) => ({ name, change, differs, pass })),
  );

  it.each(passes)("must still be so in the read-back ($name, $pass)", async ({ change, differs, pass }) => {
    const { source, target, from, copy } = await keptTwice();
    shell(source, "printf CONTENT > time; touch -d @1 time");
    await copy.live();
    await copy.live();
    await engine.summarize(from, never, copy.source);
    // The time of the directory must not give the change away.
    const barrier = (): Promise<void> => {
      shell(target, `was=$(mktemp); touch -r . $was; ${change}; touch -r $was .; rm $was`);
      return Promise.resolve();
    };
    const ended = pass === "live" ? copy.live(undefined, undefined, { barrier }) : copy.final(undefined, { barrier });
    if (differs) await expect(ended).rejects.toMatchObject({ code: "TRANSFER_DIGEST_DIFFERS" });
    else await ended;
    if (differs || pass === "live") await copy.final();
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("is counted by its name and state, and for one pass", async () => {
    const { target, to, copy } = await keptTwice();
    let pass = copy.target.begin(undefined);
    const isCounted: IsCounted = (path, look) => pass.isCounted(path, look);
    const counted = async (): Promise<string[]> => {
      const names: string[] = [];
      for await (const step of items(scan(to, never, { isCounted }))) {
        if (step.kind === "counted") names.push(pathText(step.path));
      }
      return names;
    };
    const countAll = (): void => {
      for (const name of Object.keys(CHANGES)) pass.count([Buffer.from(name)]);
    };
    expect(await counted()).toEqual([]);
    countAll();
    expect(await counted()).toEqual(Object.keys(CHANGES).sort());
    pass = copy.target.begin(undefined);
    expect(await counted()).toEqual([]);
    countAll();
    shell(target, Object.values(CHANGES).join("\n"));
    expect(await counted()).toEqual([]);
  });
});

describe("a kept file that was changed on the target", () => {
  /** What changes it, and the error of the next pass. Without one that pass makes it equal. */
  const tampered: Readonly<Record<string, readonly [change: string, error?: string]>> = {
    mode: ["chmod 640 mode"],
    time: ["touch -d @5 time", "TRANSFER_NOT_KEPT"],
    content: ["printf CONTENT > content; touch -d @1 content", "TRANSFER_NOT_KEPT"],
    replaced: ["printf content > new; touch -d @1 new; mv new replaced", "TRANSFER_NOT_KEPT"],
    "with another name": ["ln mode 'with another name'"],
    ...(notRoot ? {} : { owner: ["chown 5:6 owner"] }),
    ...(hasTool("setfacl") ? { acl: ["setfacl -m u:1234:rwx acl"] } : {}),
    ...(hasAttributes ? { attribute: ["setfattr -n user.note -v x attribute"] } : {}),
  };

  it.each(Object.entries(tampered))("is not taken for the source's (%s)", async (_name, [change, error]) => {
    const { source, target, from, copy } = await keptTwice();
    shell(target, change);
    await engine.summarize(from, never, copy.source);
    const code = await copy.final().then(
      () => undefined,
      (failure: unknown) => (failure as { code?: string }).code,
    );
    expect(code).toBe(error);
    if (error !== undefined) await copy.final();
    expect(describeTree(target)).toBe(describeTree(source));
  });
});
