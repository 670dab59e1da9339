import { Command, Option } from "commander";
import type { ControllerOptions } from "./controller.ts";

/** `mooring controller`. */
export function controllerCommand(run: (options: ControllerOptions & { debug: boolean }) => Promise<void>): Command {
  return new Command("controller")
    .description("makes volumes for claims, and moves them; two or more may run, one leads")
    .addOption(
      new Option("--namespace <name>", "where the Lease and the keepers are").env("POD_NAMESPACE").default("mooring"),
    )
    .addOption(new Option("--pod-name <name>", "the name of this pod; keepers run its image").env("POD_NAME"))
    .addOption(new Option("--kubeconfig <file>", "how to reach the API server; in a pod it is not needed"))
    .addOption(
      new Option("--health-port <port>", "serves /health, /ready and /metrics")
        .env("HEALTH_PORT")
        .default(8080)
        .argParser(Number),
    )
    .addOption(
      new Option("--webhook-port <port>", "serves the webhook on evictions, over HTTPS")
        .env("WEBHOOK_PORT")
        .default(9443)
        .argParser(Number),
    )
    .addOption(new Option("--debug", "log more").default(false))
    .action(run);
}
