import { z } from "zod";
import type { Disk } from "../../effects/disk.ts";
import { isMissing } from "../../effects/files.ts";
import { messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import { replaceFile } from "../disk/durable.ts";
import type { Certificate } from "./certificates.ts";
import type { CertificateStore } from "./identity.ts";

const content = z.object({
  certificates: z.array(
    z.object({
      cert: z.string().startsWith("-----BEGIN CERTIFICATE-----"),
      key: z.string().startsWith("-----BEGIN PRIVATE KEY-----"),
      fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
      madeAt: z.number(),
    }),
  ),
});

/**
 * The agent's certificates in a file that only root can read. A damaged one is as good as none: new
 * ones are made.
 */
export function certificateFile(disk: Disk, path: string, log: Log): CertificateStore {
  return {
    load: async () => {
      try {
        return content.parse(JSON.parse(await disk.readText(path))).certificates;
      } catch (error) {
        if (!isMissing(error))
          log.warn("the agent's certificates cannot be read, new ones are made", { path, why: messageOf(error) });
        return [];
      }
    },
    save: (certificates) => replaceFile(disk, path, JSON.stringify({ certificates })),
  };
}

/** Certificates that end with the process. */
export function certificatesInMemory(): CertificateStore {
  let kept: readonly Certificate[] = [];
  return {
    load: () => Promise.resolve(kept),
    save: (certificates) => {
      kept = certificates;
      return Promise.resolve();
    },
  };
}
