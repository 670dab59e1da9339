/* A tree of all kinds (kinds.ts), and what the tools show of it. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { KINDS, ROOT, type KindName } from "./kinds.ts";
import { shell } from "./shell.ts";

const NAMES = Object.keys(KINDS) as KindName[];

/** Makes one of each kind, and what a root has itself. */
export function makeAll(source: string): void {
  for (const name of NAMES) {
    mkdirSync(join(source, name));
    shell(join(source, name), KINDS[name].make);
  }
  shell(source, ROOT.make);
}

export function changeAll(source: string): void {
  for (const name of NAMES) shell(join(source, name), KINDS[name].change);
}

/** What the tools show of each kind, and of the root, which becomes the volume. */
export function showAll(path: string): ReadonlyMap<string, string> {
  const kinds = NAMES.map((name) => [name, shell(join(path, name), KINDS[name].show)] as const);
  return new Map([...kinds, ["root", shell(path, ROOT.show)]]);
}

export function expectShown(found: ReadonlyMap<string, string>, expected: ReadonlyMap<string, string>): void {
  for (const [name, text] of expected) expect.soft(found.get(name), name).toBe(text);
  for (const name of NAMES)
    for (const pattern of KINDS[name].shows) expect.soft(found.get(name), name).toMatch(pattern);
}

export function expectEqual(source: string, target: string): void {
  expectShown(showAll(target), showAll(source));
}
