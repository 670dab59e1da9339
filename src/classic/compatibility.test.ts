import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");

describe("docs/compatibility.md", () => {
  const rows = [...read("docs/compatibility.md").matchAll(/`(9\.3 [^`]+)` \((\S+\.test\.ts)\)/g)];

  it.each(rows.map(([, name = "", file = ""]) => [name, file]))("names a test that is there: %s", (name, file) => {
    expect(read(file)).toContain(`"${name}`);
  });

  it("has a row for each regression test of a defect", () => {
    const files = readdirSync(fileURLToPath(new URL(".", import.meta.url)), { recursive: true, encoding: "utf8" });
    const tests = files
      .filter((file) => file.endsWith(".test.ts"))
      .flatMap((file) => [...read(`src/classic/${file}`).matchAll(/it(?:\.each\(\[[^\]]*\]\))?\(\s*"(9\.3 [^:"]+)/g)])
      .map(([, name]) => name);
    expect(tests.length).toBeGreaterThanOrEqual(4);
    expect(rows.map(([, name]) => name)).toEqual(expect.arrayContaining(tests));
    expect(rows).toHaveLength(6);
  });
});
