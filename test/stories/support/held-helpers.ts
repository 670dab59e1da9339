import type { Ground } from "../../cluster/ground.ts";

/*
 * Helper pods that are held until a story has looked: how long one takes is the machine's business,
 * and it may be over before anybody has seen it.
 */

const OPEN = "open";

/**
 * A `setup` script that waits for a file beside the volumes: a node's helper pods end once
 * letHelpersEnd() was called for it.
 */
export const HELD_SETUP = `#!/bin/sh
set -eu
until [ -e "\${VOL_DIR%/*}/${OPEN}" ]; do sleep 0.1; done
mkdir -m 0777 -p "$VOL_DIR"
`;

/** Helper pods that make volumes below this directory of a node end from now on. */
export async function letHelpersEnd(ground: Ground, node: string, base: string): Promise<void> {
  await ground.onNode(node).writeFile(`${base}/${OPEN}`, "");
}
