import type { Clock } from "../../src/effects/clock.ts";
import {
  ContainerRegistry,
  ScriptedRuntime,
  type ContainerHandle,
  type ContainerRun,
  type ContainerRuntime,
  type Play,
} from "../../src/lab/index.ts";
import { silentLog } from "../../src/observe/log.ts";
import { PRODUCT_IMAGE } from "../cluster/image-names.ts";
import { playScript } from "./play-script.ts";
import { ProductContainer, type ProductContainerDeps } from "./product-container.ts";

/**
 * Containers of one node on virtual time: the product's run its program in this process, helper
 * pods do what the manifest's scripts do, everything else is Ready and does nothing.
 */
export class VirtualRuntime implements ContainerRuntime {
  readonly #deps: (run: ContainerRun) => ProductContainerDeps;
  readonly #scripted: ScriptedRuntime;
  readonly #products = new ContainerRegistry();
  readonly #byPod = new Map<string, ProductContainer>();

  /** `deps` returns what the program of a product's container needs. */
  constructor(clock: Clock, deps: (run: ContainerRun) => ProductContainerDeps) {
    this.#deps = deps;
    this.#scripted = new ScriptedRuntime({ clock, log: silentLog }, (run) => play(run, clock));
  }

  start(run: ContainerRun, signal: AbortSignal): Promise<ContainerHandle> {
    if (run.container.image !== PRODUCT_IMAGE) return this.#scripted.start(run, signal);
    const product = new ProductContainer(this.#deps(run), run);
    this.#products.keep(run, product);
    this.#byPod.set(`${run.pod.metadata?.namespace ?? ""}/${run.pod.metadata?.name ?? ""}`, product);
    return Promise.resolve(product);
  }

  /** The container of the product in a pod (namespace/name), if it has been started here. */
  product(podKey: string): ProductContainer | undefined {
    return this.#byPod.get(podKey);
  }

  find(podUid: string, container: string): ContainerHandle | undefined {
    return this.#products.find(podUid, container) ?? this.#scripted.find(podUid, container);
  }

  log(podKey: string, container: string | undefined): string | undefined {
    return this.#products.log(podKey, container) ?? this.#scripted.log(podKey, container);
  }

  forget(podUid: string): void {
    this.#products.forget(podUid);
    this.#scripted.forget(podUid);
  }

  pods(): readonly string[] {
    return [...new Set([...this.#products.pods(), ...this.#scripted.pods()])];
  }

  killPodOf(podUid: string): void {
    this.#products.killPodOf(podUid);
    this.#scripted.killPodOf(podUid);
  }

  killAll(): void {
    this.#products.killAll();
    this.#scripted.killAll();
  }
}

function play(run: ContainerRun, clock: Clock): Play {
  const script = run.container.command?.at(-1) ?? "";
  if (!script.startsWith("/script/")) return { does: "run" };
  // About what a container of one shell script takes.
  return { does: "exit", afterMs: 400, code: 0, effect: () => playScript(run, clock) };
}
