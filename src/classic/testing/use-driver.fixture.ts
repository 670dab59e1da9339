import { afterEach, beforeEach } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { manyListeners } from "../../kube/many-listeners.ts";
import type { Driver } from "../../provision/driver.ts";
import { TestCluster } from "./cluster.fixture.ts";
import { VOLUME, yes } from "./driver-suite.fixture.ts";
import { request } from "./objects.fixture.ts";

export interface DriverOnCluster {
  readonly cluster: TestCluster;
  /** The driver of the leader that works now. */
  readonly driver: Driver;
  /** Aborted when that leader's work is cut off. */
  readonly signal: AbortSignal;
  provision(...args: Parameters<typeof request>): ReturnType<Driver["provision"]>;
  /** What is done for a claim that was deleted half-way. */
  abandon(): Promise<void>;
  /** Aborts the work in progress. */
  cutOff(why: string): void;
  /** Puts a driver in the place of this one that knows nothing but the cluster. */
  beginAnew(): void;
  /** The leader loses the Lease, and another one has it. */
  newLeader(): Promise<void>;
}

/**
 * A cluster and a driver on it for each test of a file: `const on = useDriver()` and, in a test,
 * `on.driver`.
 */
export function useDriver(): DriverOnCluster {
  let cluster = new TestCluster();
  let driver = cluster.driver();
  let stop = newStop();
  const cutOff = (why: string): void => {
    stop.abort(new Error(why));
    stop = newStop();
  };
  const beginAnew = (): void => {
    driver = cluster.driver();
  };
  beforeEach(async () => {
    cluster = await new TestCluster().start();
    beginAnew();
  });
  afterEach(() => {
    cluster.stop.abort();
    cutOff("the test is over");
  });
  return {
    get cluster() {
      return cluster;
    },
    get driver() {
      return driver;
    },
    get signal() {
      return stop.signal;
    },
    provision: (...args) => driver.provision(request(...args), stop.signal),
    abandon: () => driver.removeAttempt(VOLUME, yes, stop.signal),
    cutOff,
    beginAnew,
    newLeader: async () => {
      cutOff("lost the lease");
      await settle();
      beginAnew();
    },
  };
}

function newStop(): AbortController {
  const stop = new AbortController();
  manyListeners(stop.signal);
  return stop;
}
