import { MANAGER, SCHEDULER, type Controllers } from "../../src/lab/index.ts";
import type { Api } from "../cluster/api.ts";
import { MissingCapability, type Capability, type Component } from "../cluster/ground.ts";
import { PRODUCT_IMAGE } from "../cluster/image-names.ts";
import { ObjectsGround } from "../cluster/objects-ground.ts";
import type { RunResult } from "../cluster/run.ts";
import type { WaitOptions } from "../cluster/wait.ts";

export const LAB_NODES: readonly string[] = ["node-1", "node-2", "node-3"];

/** The capabilities of every lab. */
export const LAB_CAPABILITIES: readonly Capability[] = [
  "containers",
  "control-plane",
  "kubelet",
  "load-image",
  "node-files",
  "node-kill",
];

/**
 * The part of a ground that is the same over every lab: its processes are killed and started by
 * name, and it has neither isolation nor a network to unplug.
 */
export abstract class AnyLabGround extends ObjectsGround {
  abstract readonly name: string;
  readonly nodes = LAB_NODES;
  readonly #controllers: Controllers;

  constructor(api: Api, controllers: Controllers, patience: WaitOptions) {
    super(api, patience, "create-or-merge");
    this.#controllers = controllers;
  }

  killNode(node: string): Promise<void> {
    this.#controllers.pullPlug(node);
    return Promise.resolve();
  }

  startNode(node: string): Promise<void> {
    return this.startKubelet(node);
  }

  stopKubelet(node: string): Promise<void> {
    this.#controllers.kill(`kubelet/${node}`);
    return Promise.resolve();
  }

  startKubelet(node: string): Promise<void> {
    this.#controllers.restart(`kubelet/${node}`);
    return Promise.resolve();
  }

  killComponent(component: Component): Promise<void> {
    this.#controllers.kill(processOf(component));
    return Promise.resolve();
  }

  startComponent(component: Component): Promise<void> {
    this.#controllers.restart(processOf(component));
    return Promise.resolve();
  }

  loadProductImage(): Promise<string> {
    return Promise.resolve(PRODUCT_IMAGE);
  }

  unplugNode(): Promise<never> {
    return this.missing("node-network");
  }

  plugNode(): Promise<never> {
    return this.missing("node-network");
  }

  cutNodes(): Promise<never> {
    return this.missing("node-network");
  }

  healNodes(): Promise<never> {
    return this.missing("node-network");
  }

  mountPool(): Promise<never> {
    return this.missing("pool-disks");
  }

  unmountPool(): Promise<never> {
    return this.missing("pool-disks");
  }

  remountPool(): Promise<never> {
    return this.missing("pool-disks");
  }

  removePool(): Promise<never> {
    return this.missing("pool-disks");
  }

  kubectl(): Promise<never> {
    return this.missing("kubectl");
  }

  drain(_node: string, ..._flags: readonly string[]): Promise<RunResult> {
    return this.missing("drain");
  }

  exec(): Promise<never> {
    return this.missing("isolation");
  }

  protected missing(capability: Capability): Promise<never> {
    return Promise.reject(new MissingCapability(this.name, capability));
  }
}

function processOf(component: Component): string {
  if (component === "api-server") throw new Error("the lab is its API server: it cannot be killed alone");
  return component === "scheduler" ? SCHEDULER : MANAGER;
}
