import { z } from "zod";
import { deadline, type Clock } from "../../effects/clock.ts";
import { isMissing } from "../../effects/files.ts";
import type { Runner, RunResult } from "../../effects/runner.ts";
import { messageOf } from "../../observe/errors.ts";
import type { ExecPlugin } from "../config/access.ts";
import type { Credentials, Identity } from "./credentials.ts";

/**
 * Credentials count as expired this long before they are: a request under way must not outlive
 * them.
 */
const EXPIRY_SKEW_MS = 10_000;
/**
 * A plugin asks a cloud for a token, which takes seconds; one that takes longer than this hangs.
 */
const PLUGIN_TIMEOUT_MS = 60_000;
/** How much of the plugin's stderr goes into the message. */
const STDERR_LENGTH = 500;

const execCredential = z.object({
  apiVersion: z.string(),
  kind: z.literal("ExecCredential"),
  status: z.object({
    token: z.string().optional(),
    clientCertificateData: z.string().optional(),
    clientKeyData: z.string().optional(),
    expirationTimestamp: z.string().nullish(),
  }),
});

interface Cached {
  readonly identity: Identity;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/**
 * Credentials that a program prints, kept until shortly before they expire; without an expiry,
 * until the server refuses them.
 */
export class ExecCredentials implements Credentials {
  readonly #plugin: ExecPlugin;
  readonly #runner: Runner;
  readonly #clock: Clock;
  #cached: Cached | undefined;
  #running: Promise<Identity> | undefined;

  constructor(options: { plugin: ExecPlugin; runner: Runner; clock: Clock }) {
    this.#plugin = options.plugin;
    this.#runner = options.runner;
    this.#clock = options.clock;
  }

  current(): Promise<Identity> {
    // The wall clock, because the expiry is a wall-clock time.
    if (this.#cached !== undefined && this.#clock.now() < this.#cached.expires - EXPIRY_SKEW_MS) {
      return Promise.resolve(this.#cached.identity);
    }
    return this.#run();
  }

  async renew(refused: Identity): Promise<Identity | undefined> {
    if (this.#cached?.identity === refused) this.#cached = undefined;
    const next = await this.current();
    return same(next, refused) ? undefined : next;
  }

  #run(): Promise<Identity> {
    this.#running ??= this.#runOnce().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #runOnce(): Promise<Identity> {
    const { command, args, env, apiVersion, cluster, installHint } = this.#plugin;
    const info = { apiVersion, kind: "ExecCredential", spec: { interactive: false, cluster } };
    const limit = deadline(this.#clock, PLUGIN_TIMEOUT_MS);
    let result: RunResult;
    try {
      result = await this.#runner.run([command, ...args], {
        env: { ...env, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
        signal: limit.signal,
      });
    } catch (error) {
      const hint = installHint === undefined ? "" : `\n${installHint}`;
      throw new Error(`the credential plugin ${command} ${whyNot(error)}.${hint}`, { cause: error });
    } finally {
      limit.clear();
    }
    if (result.code !== 0) {
      const stderr = result.stderr.trim().slice(-STDERR_LENGTH);
      throw new Error(`the credential plugin ${command} failed with exit code ${result.code}: ${stderr}`);
    }
    this.#cached = this.#read(result.stdout);
    return this.#cached.identity;
  }

  #read(stdout: string): Cached {
    const { command, apiVersion } = this.#plugin;
    const parsed = execCredential.safeParse(jsonOf(stdout));
    if (!parsed.success) {
      throw new Error(`the credential plugin ${command} printed no ExecCredential: ${z.prettifyError(parsed.error)}`);
    }
    const { status } = parsed.data;
    if (parsed.data.apiVersion !== apiVersion) {
      throw new Error(
        `the credential plugin ${command} printed apiVersion ${parsed.data.apiVersion}, but the kubeconfig says ${apiVersion}; make them the same`,
      );
    }
    const { token, clientCertificateData: certificate, clientKeyData: key } = status;
    if ((certificate === undefined) !== (key === undefined) || (token === undefined && certificate === undefined)) {
      throw new Error(
        `the credential plugin ${command} printed no usable status: it needs token, or clientCertificateData and clientKeyData`,
      );
    }
    const expires = status.expirationTimestamp ? Date.parse(status.expirationTimestamp) : Infinity;
    return {
      identity: {
        authorization: token === undefined ? undefined : `Bearer ${token}`,
        certificate: certificate === undefined || key === undefined ? undefined : { certificate, key },
      },
      expires: Number.isNaN(expires) ? Infinity : expires,
    };
  }
}

function same(a: Identity, b: Identity): boolean {
  return a.authorization === b.authorization && a.certificate?.certificate === b.certificate?.certificate;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller reports it, with the plugin's name.
    return undefined;
  }
}

function whyNot(error: unknown): string {
  if (isMissing(error)) return "is not installed";
  // A program that is not installed also gives EACCES when PATH contains a directory that this user
  // may not search.
  if ((error as NodeJS.ErrnoException).code === "EACCES")
    return "is not installed, or this user may not run it (EACCES)";
  return `did not run: ${messageOf(error)}`;
}
