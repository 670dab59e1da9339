import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { systemDisk } from "../../effects/node/disk.ts";
import { silentLog } from "../../observe/log.ts";
import { certificateFile } from "./certificate-file.ts";
import type { Certificate } from "./certificates.ts";

const CERTIFICATE: Certificate = {
  cert: "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
  key: "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
  fingerprint: "0".repeat(64),
  madeAt: 1,
};

it("certificates outlive the process in a file that only its owner reads; a damaged one is as good as none", async () => {
  const directory = mkdtempSync(join(tmpdir(), "mooring-"));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  const path = join(directory, "certificates.json");
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (message: string) => warnings.push(message) };
  const store = certificateFile(systemDisk(), path, log);
  expect(await store.load()).toEqual([]);
  await store.save([CERTIFICATE]);
  expect(await certificateFile(systemDisk(), path, log).load()).toEqual([CERTIFICATE]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory)).toEqual(["certificates.json"]);
  expect(warnings).toEqual([]);
  writeFileSync(path, '{"certificates": [{"cert": ""}]}');
  expect(await store.load()).toEqual([]);
  expect(warnings).toHaveLength(1);
});
