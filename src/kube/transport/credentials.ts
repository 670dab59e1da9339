import { Buffer } from "node:buffer";
import type { Clock } from "../../effects/clock.ts";
import type { Files } from "../../effects/files.ts";
import type { Runner } from "../../effects/runner.ts";
import type { Log } from "../../observe/log.ts";
import type { CredentialSource } from "../config/access.ts";
import { ExecCredentials } from "./exec-credentials.ts";
import { Refreshed } from "./refreshed.ts";

/** The credentials that a request carries. */
export interface Identity {
  readonly authorization?: string | undefined;
  /** A client certificate from an exec plugin, as PEM text. */
  readonly certificate?: { readonly certificate: string; readonly key: string } | undefined;
}

/** Where identities come from. */
export interface Credentials {
  /** The identity to use now. */
  current(): Promise<Identity>;
  /**
   * The server answered 401 to `refused`: a different identity to try once more, or undefined when
   * there is no other.
   */
  renew(refused: Identity): Promise<Identity | undefined>;
}

/**
 * The kubelet replaces a mounted token at 80 % of its lifetime (an hour or less). client-go reads
 * it again every minute too.
 */
export const TOKEN_MAX_AGE_MS = 60_000;

/** The Credentials of a source. `runner` is needed for exec plugins only. */
export function credentialsFrom(
  source: CredentialSource,
  effects: { clock: Clock; files: Files; log: Log; runner?: Runner | undefined },
): Credentials {
  switch (source.kind) {
    case "none":
      return fixed({});
    case "token":
      return fixed({ authorization: `Bearer ${source.token}` });
    case "basic":
      return fixed({
        authorization: `Basic ${Buffer.from(`${source.username}:${source.password}`, "utf8").toString("base64")}`,
      });
    case "tokenFile":
      return fromTokenFile(source.file, effects);
    case "exec":
      if (effects.runner === undefined) throw new Error("an exec plugin needs a runner");
      return new ExecCredentials({ ...effects, plugin: source.plugin, runner: effects.runner });
    default:
      return source satisfies never;
  }
}

function fixed(identity: Identity): Credentials {
  return { current: () => Promise.resolve(identity), renew: () => Promise.resolve(undefined) };
}

function fromTokenFile(file: string, effects: { clock: Clock; files: Files; log: Log }): Credentials {
  const token = new Refreshed<Identity>({
    ...effects,
    what: file,
    maxAgeMs: TOKEN_MAX_AGE_MS,
    read: async () => {
      const text = (await effects.files.readText(file)).trim();
      if (text === "") throw new Error(`the token file ${file} is empty`);
      return { authorization: `Bearer ${text}` };
    },
  });
  return {
    current: () => token.get(),
    renew: async (refused) => {
      // Another request may already have read the new token.
      const known = await token.get();
      const next = known.authorization === refused.authorization ? await token.refresh() : known;
      return next.authorization === refused.authorization ? undefined : next;
    },
  };
}
