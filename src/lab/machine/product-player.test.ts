import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { POD_PRELUDE } from "./product-player.ts";

const PROGRAM = `
import { createServer } from "node:http";
import { hostname } from "node:os";
const server = createServer().listen(0, () => {
  console.log(hostname(), server.address().address);
  server.close();
});
`;

test("a program of the product sees its pod's host name, and its ports are open on loopback only", async () => {
  const env = { PATH: process.env["PATH"], HOSTNAME: "provisioner-1", NODE_OPTIONS: `--import=${POD_PRELUDE}` };
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", PROGRAM], { env });
  expect(stdout).toBe("provisioner-1 127.0.0.1\n");
});
