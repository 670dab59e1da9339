import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { KubeMetrics } from "./metrics.ts";

describe("KubeMetrics", () => {
  it("uses the names and labels of client-go and controller-runtime, which dashboards know", async () => {
    const registry = new Registry();
    const metrics = new KubeMetrics(registry);
    const queue = metrics.queue("claims", () => ({ unfinishedSeconds: 3, longestSeconds: 2 }));
    queue.added();
    queue.depth(1);
    queue.retried();
    queue.waited(0.5);
    queue.worked(0.25);
    metrics.leading("kube-system/mooring", true);
    metrics.requested("GET", 200);
    metrics.requested("PUT", 0);
    metrics.reconciled("claims", "success", 1);
    metrics.listBegun("pods");
    metrics.watchOpened("pods");
    metrics.watchShort("pods");
    metrics.reflectorFailed("pods", 410);
    const text = await registry.metrics();
    for (const line of [
      'workqueue_depth{name="claims"} 1',
      'workqueue_adds_total{name="claims"} 1',
      'workqueue_retries_total{name="claims"} 1',
      'workqueue_queue_duration_seconds_sum{name="claims"} 0.5',
      'workqueue_work_duration_seconds_sum{name="claims"} 0.25',
      'workqueue_unfinished_work_seconds{name="claims"} 3',
      'workqueue_longest_running_processor_seconds{name="claims"} 2',
      'leader_election_master_status{name="kube-system/mooring"} 1',
      'rest_client_requests_total{code="200",method="GET"} 1',
      'rest_client_requests_total{code="<error>",method="PUT"} 1',
      'controller_runtime_reconcile_total{controller="claims",result="success"} 1',
      'reflector_lists_total{name="pods"} 1',
      'reflector_watches_total{name="pods"} 1',
      'reflector_short_watches_total{name="pods"} 1',
      'reflector_errors_total{name="pods",code="410"} 1',
    ]) {
      expect(text.split("\n")).toContain(line);
    }
  });

  it("shows a later queue of the same name instead of the earlier one", async () => {
    const registry = new Registry();
    const metrics = new KubeMetrics(registry);
    metrics.queue("claims", () => ({ unfinishedSeconds: 9, longestSeconds: 9 }));
    metrics.queue("claims", () => ({ unfinishedSeconds: 0, longestSeconds: 0 }));
    expect(await registry.metrics()).toContain('workqueue_unfinished_work_seconds{name="claims"} 0');
  });
});
