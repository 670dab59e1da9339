import { uidOf, type KubeObject } from "../../kube/objects.ts";
import type { Change } from "../../kube/watch/store.ts";
import { isProductNamespace } from "../product.ts";

/** One thing that happened: who did what. */
export interface Line {
  /** `scheduler`, `provisioner`, `kubelet node-a`, `you`, … */
  readonly actor: string;
  readonly text: string;
  /** `bad` is something to look at, `good` what was waited for. @default "plain" */
  readonly tone?: "good" | "bad" | "plain";
}

/** Whoever runs the demo: what they would type into kubectl. */
export const YOU = "you";

/**
 * Says in words of the field what a change of one object means; nothing for what is not worth a
 * line. Pure.
 */
export type Describe<T> = (change: Change<T>) => readonly Line[];

/** An object by its name, with the namespace where that is not obvious. */
export function nameOf({ metadata }: KubeObject): string {
  const { name = "", namespace = "" } = metadata ?? {};
  return namespace === "" || namespace === "default" || isProductNamespace(namespace) ? name : `${namespace}/${name}`;
}

/** A volume's name without most of its UUID, which nobody reads. */
export function short(volumeName: string): string {
  return volumeName.replace(/^(pvc-[0-9a-f]{8})-[0-9a-f-]{27}/, "$1…");
}

/** What an object was before this change; undefined for one that is new (or new under its name). */
export function before<T extends KubeObject>({ type, object, old }: Change<T>): T | undefined {
  return type === "updated" && old !== undefined && uidOf(old) === uidOf(object) ? old : undefined;
}
