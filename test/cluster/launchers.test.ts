import { expect, test } from "vitest";
import { isLauncher } from "./launchers.ts";

test.each([
  [["npm run cluster --nodes 3"]],
  [["npm exec tsx test/cluster/main.ts"]],
  [["node", "/usr/lib/node_modules/npm/bin/npm-cli.js", "run", "cluster"]],
  [["sh", "-c", "tsx test/cluster/main.ts --json"]],
  [["node", "/checkout/node_modules/.bin/tsx", "test/cluster/main.ts"]],
])("%j is a launcher of this program", (argv) => {
  expect(isLauncher(argv)).toBe(true);
});

test.each([[["-bash"]], [["sh", "-c", "make"]], [["/sbin/init"]], [["node", "server.js"]], [[]]])(
  "%j is somebody else, whose end is none of our business",
  (argv) => {
    expect(isLauncher(argv)).toBe(false);
  },
);
