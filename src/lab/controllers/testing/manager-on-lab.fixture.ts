import { silentLog } from "../../../observe/log.ts";
import { testLab, type TestLab } from "../../api/testing/lab.fixture.ts";
import { startControllers, type ManagerController } from "../../start.ts";

/** One controller of the manager on the lab's own API server, and nothing beside it. */
export function managerOnLab(controller: ManagerController): TestLab & { readonly stop: () => Promise<void> } {
  const lab = testLab();
  const { kube, clock, random } = lab;
  const controllers = startControllers(
    { kube, clock, random, log: silentLog },
    { machines: [], manager: [controller], scheduler: false },
  );
  return { ...lab, stop: () => controllers.stop() };
}
