import { setFlagsFromString } from "node:v8";

/*
 * What V8 is told so that the programs take little memory. (Figures: docs/bench.md, Scale.)
 *
 * It was measured that these flags work in a process that runs already. Two others do not:
 * --max-semi-space-size, and --liftoff-only, whose parts are named here instead.
 */

/**
 * For both programs. undici reads HTTP with WebAssembly, and V8 optimizes that code after a while.
 * The compiler took more than 20 MB for it, and requests take about as much CPU time without.
 */
const WASM_AS_IT_IS = ["--no-wasm-tier-up", "--no-wasm-dynamic-tiering"];
/**
 * For a small heap, at the price of more garbage collections: the controller uses little of a CPU.
 * By itself V8 looked for old garbage only when the heap had 245 MB, and on Node 24 the room for
 * new objects made a difference of 100 MiB.
 */
const SMALL_HEAP = ["--heap-growing-percent=25", "--semi-space-growth-factor=1"];

export const AGENT_FLAGS: readonly string[] = WASM_AS_IT_IS;
export const CONTROLLER_FLAGS: readonly string[] = [...WASM_AS_IT_IS, ...SMALL_HEAP];

/** Before the program's code runs: WebAssembly that is compiled already stays as it is. */
export function setFlags(flags: readonly string[]): void {
  for (const flag of flags) setFlagsFromString(flag);
}
