// Adds up what the suites of a CI run left behind: one vitest JSON report per suite, or a file
// NAME.skipped with one line that says why a suite did not run. Prints one line and exits non-zero
// when something failed or when what was skipped is not what .ci/skips.txt says.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const [directory, expected] = process.argv.slice(2);
const counts = { passed: 0, failed: 0, skipped: 0 };
const skips = [];

for (const file of readdirSync(directory).toSorted()) {
  const path = join(directory, file);
  const suite = file.replace(/\.[^.]+$/, "");
  if (file.endsWith(".skipped")) {
    counts.skipped += 1;
    skips.push(`${suite}: the whole suite`);
    console.log(`${suite}: skipped, ${readFileSync(path, "utf8").trim()}`);
  } else if (file.endsWith(".failed")) {
    counts.failed += 1;
    console.log(`${suite}: FAILED, ${readFileSync(path, "utf8").trim()}`);
  } else if (file.endsWith(".json")) {
    const report = JSON.parse(readFileSync(path, "utf8"));
    const own = { passed: 0, failed: 0, skipped: 0 };
    for (const testFile of report.testResults) {
      // A file that could not even be loaded has no assertions, and is a failure.
      if (testFile.status === "failed" && testFile.assertionResults.every((result) => result.status !== "failed"))
        own.failed += 1;
      for (const result of testFile.assertionResults) {
        const name = `${suite}: ${[...result.ancestorTitles, result.title].join(" > ")}`;
        if (result.status === "passed") own.passed += 1;
        else if (result.status === "failed") {
          own.failed += 1;
          console.log(`failed: ${name}`);
        } else {
          own.skipped += 1;
          skips.push(name);
        }
      }
    }
    if (own.passed + own.failed + own.skipped === 0) {
      own.failed += 1;
      console.log(`${suite}: FAILED, it ran no test at all`);
    }
    console.log(`${suite}: ${own.passed} passed, ${own.failed} failed, ${own.skipped} skipped`);
    for (const key of Object.keys(counts)) counts[key] += own[key];
  }
}

const wanted = readFileSync(expected, "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"));
const unexpected = skips.filter((name) => !wanted.includes(name));
const missing = wanted.filter((name) => !skips.includes(name));
for (const name of unexpected) console.log(`skipped, but not listed in ${expected}: ${name}`);
for (const name of missing) console.log(`listed in ${expected}, but not skipped: ${name}`);
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed > 0 || unexpected.length > 0 || missing.length > 0 || counts.passed === 0 ? 1 : 0);
