import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { EXPLAINED } from "./explained.ts";

const objects = parseAllDocuments(readFileSync("deploy/mooring-base.yaml", "utf8")).map((document): unknown =>
  document.toJS(),
);

/** All descriptions in a value, at any depth. */
function descriptions(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    key === "description" && typeof inner === "string" ? [inner] : descriptions(inner),
  );
}

// Only the cluster suite asks kubectl. A description that was reworded must not be found out there:
// once it refused a whole session's work at the end of CI.
test.each(EXPLAINED)(
  "the manifest describes %s with the sentence that the cluster suite looks for",
  (path, sentence) => {
    const kind = path.split(".")[0];
    const definition = objects.find((object) => JSON.stringify(object).includes(`"singular":"${kind}"`));
    expect(descriptions(definition).join("\n")).toContain(sentence);
  },
);
