import { fork, type ChildProcess } from "node:child_process";
import { webcrypto } from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { makeCertificate } from "../../../../src/agent/peers/make-certificate.ts";
import { systemRandom } from "../../../../src/effects/node/random.ts";
import type { CopySubjectName } from "../figures.ts";
import { endMessageSchema, type Assignment, type EndMessage } from "./end-messages.ts";
import type { CopyCost, CopySubject } from "./subject.ts";

/** How Node starts a program of ../../programs. */
export interface EndProgram {
  readonly file: string;
  readonly execArgv: readonly string[];
}

/** From its source, through tsx. */
export function fromSource(program: string): Promise<EndProgram> {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const file = fileURLToPath(new URL(`../../programs/${program}`, import.meta.url));
  return Promise.resolve({ file, execArgv: ["--import", tsx] });
}

type Kind<K extends EndMessage["kind"]> = Extract<EndMessage, { kind: K }>;

/** The programs of the two ends, in ../../programs. */
export interface EndPrograms {
  readonly source: string;
  readonly target: string;
  /** For Node, before the program. */
  readonly execArgv?: readonly string[];
  readonly find: (program: string) => Promise<EndProgram>;
}

/** A copy over one TLS connection between two processes: the target asks, the source sends. */
export function betweenEnds(
  { execArgv = [], find, source: sourceProgram, target: targetProgram }: EndPrograms,
  subject: Pick<CopySubject, "name" | "cases" | "discards">,
): CopySubject {
  const start = async (program: string): Promise<ChildProcess> => {
    const found = await find(program);
    return fork(found.file, {
      detached: true,
      execArgv: [...execArgv, ...found.execArgv],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
  };
  return {
    ...subject,
    unavailable: () => Promise.resolve(undefined),
    prepare: async ({ source, target, workspace }, measure) => {
      const [ours, theirs] = await Promise.all([certificate(), certificate()]);
      const sourceEnd = await start(sourceProgram);
      return workspace.with(sourceEnd, async () => {
        const of = (assignment: Omit<Assignment, "kind">): Assignment => ({ kind: "assignment", ...assignment });
        sourceEnd.send(of({ directory: source, certificate: ours, peer: theirs.fingerprint, port: 0 }));
        const { port } = await expectMessage(subject.name, sourceEnd, "ready");
        const targetEnd = await start(targetProgram);
        return workspace.with(targetEnd, async () => {
          targetEnd.send(of({ directory: target, certificate: theirs, peer: ours.fingerprint, port }));
          await expectMessage(subject.name, targetEnd, "ready");
          const result = await measure(() => copyBetween(subject.name, sourceEnd, targetEnd));
          await Promise.all([ended(sourceEnd), ended(targetEnd)]);
          return result;
        });
      });
    },
  };
}

async function copyBetween(name: CopySubjectName, source: ChildProcess, target: ChildProcess): Promise<CopyCost> {
  const both = Promise.all([expectMessage(name, source, "done"), expectMessage(name, target, "done")]);
  for (const end of [source, target]) end.send({ kind: "go" });
  const [sent, received] = await both;
  if (sent.digest !== received.digest) throw new Error(`${name}: what has arrived is not what was sent`);
  const { afterArrivalSeconds } = received;
  return {
    cpuSeconds: sent.cpuSeconds + received.cpuSeconds,
    ...(afterArrivalSeconds === undefined ? {} : { afterArrivalSeconds }),
  };
}

/** The next message of an end. Rejects when it fails, or ends, or says something else. */
function expectMessage<K extends EndMessage["kind"]>(name: string, end: ChildProcess, kind: K): Promise<Kind<K>> {
  return new Promise((resolve, reject) => {
    const onEnd = (code: number | null): void => {
      reject(new Error(`${name}: one end has ended with ${String(code)}`));
    };
    end.once("exit", onEnd);
    end.once("message", (message) => {
      end.off("exit", onEnd);
      const said = endMessageSchema.parse(message);
      if (said.kind === kind) resolve(said as Kind<K>);
      else reject(new Error(`${name}: ${said.kind === "failed" ? said.why : `an end says ${said.kind}`}`));
    });
  });
}

async function ended(end: ChildProcess): Promise<void> {
  if (end.exitCode === null && end.signalCode === null) await once(end, "exit");
}

function certificate(): ReturnType<typeof makeCertificate> {
  return makeCertificate({ random: systemRandom(), web: webcrypto as webcrypto.Crypto }, Date.now());
}
