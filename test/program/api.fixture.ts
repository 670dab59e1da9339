import { systemClock } from "../../src/effects/node/clock.ts";
import { LabKube } from "../../src/lab/api/testing/lab-kube.fixture.ts";
import { serveLab } from "../../src/lab/index.ts";

/** The lab's API server behind HTTP, for programs that are started as processes of their own. */
export interface ApiServer {
  /** For the test's own hand in it; what the programs send does not pass it. */
  readonly kube: LabKube;
  readonly url: string;
  close(): Promise<void>;
}

export async function startApi(): Promise<ApiServer> {
  const kube = new LabKube({ clock: systemClock() });
  const served = await serveLab(kube.api);
  return { kube, url: served.url, close: () => served.close() };
}
