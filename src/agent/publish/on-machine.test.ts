import { describe, expect, test } from "vitest";
import { whyNoMounts } from "../mounts/testing/private-namespace.fixture.ts";
import { scratch } from "../sys/testing/scratch.fixture.ts";
import { agentOnThisMachine, type MachineOutcome } from "../testing/agent-on-machine.fixture.ts";

const why = whyNoMounts();

function valueOf(outcome: MachineOutcome | undefined): unknown {
  if (outcome !== undefined && "value" in outcome) return outcome.value;
  throw new Error(`the step failed: ${JSON.stringify(outcome)}`);
}

/** An agent's directories below a scratch directory, and the targets of its pods. */
function ground(): {
  root: string;
  pool: string;
  prepare: { sh: string };
  target: (pod: string, volume?: string) => string;
} {
  const { path: root } = scratch();
  const target = (pod: string, volume = "pvc-1"): string =>
    `${root}/kubelet/pods/${pod}/volumes/kubernetes.io~csi/${volume}/mount`;
  const parents = ["pod-1", "pod-2"].flatMap((pod) =>
    ["pvc-1", "pvc-2"].map((volume) => target(pod, volume).replace(/\/mount$/, "")),
  );
  const prepare = { sh: `mkdir -p ${parents.join(" ")}` };
  return { root, pool: `${root}/disks/default`, prepare, target };
}

describe.skipIf(why !== undefined)(`an agent on real mounts${why === undefined ? "" : `: ${why}`}`, () => {
  test("a volume is published, shared, unpublished, found again and removed", async () => {
    const { root, pool, prepare, target } = ground();
    const [one, two] = [target("pod-1"), target("pod-2")];
    const outcomes = await agentOnThisMachine(root, [
      prepare,
      { volume: "pvc-1" },
      { publish: { targetPath: one } },
      { sh: `echo hello > ${one}/file; stat -c '%a %u' ${one}` },
      { publish: { targetPath: two, readonly: true } },
      { sh: `cat ${two}/file; ! touch ${two}/other 2>&1` },
      { publish: { targetPath: one } },
      { sh: `findmnt -n ${one} | wc -l` },
      { unpublish: { volumeId: "pvc-1", targetPath: one } },
      { unpublish: { volumeId: "pvc-1", targetPath: two } },
      {
        sh: `ls ${root}/kubelet/pods/*/volumes/*/pvc-1; cat ${pool}/volumes/pvc-1/1/data/file; stat -c %a ${pool}/volumes`,
      },
      { reclaim: "pvc-1" },
      { sh: `ls -A ${pool}/volumes` },
    ]);
    const values = outcomes.map(valueOf);
    expect(values[3]).toBe("777 0");
    expect(values[5]).toMatch(/^hello\n.*Read-only file system/);
    expect(values[7]).toBe("1");
    expect(values[10]).toMatch(/:\n\n.*:\nhello\n700$/s);
    expect(values[12]).toBe("");
  });

  test("a symlink in place of the data directory is not followed, a mount on it not passed", async () => {
    const { root, pool, prepare, target } = ground();
    const data = (volume: string): string => `${pool}/volumes/${volume}/1/data`;
    const outcomes = await agentOnThisMachine(root, [
      prepare,
      { volume: "pvc-1" },
      { volume: "pvc-2" },
      { publish: { targetPath: target("pod-1") } },
      { publish: { volumeId: "pvc-2", targetPath: target("pod-1", "pvc-2") } },
      { unpublish: { volumeId: "pvc-1", targetPath: target("pod-1") } },
      { unpublish: { volumeId: "pvc-2", targetPath: target("pod-1", "pvc-2") } },
      { sh: `rmdir ${data("pvc-1")}; ln -s /etc ${data("pvc-1")}; mount -t tmpfs none ${data("pvc-2")}` },
      { publish: { targetPath: target("pod-1") } },
      { publish: { volumeId: "pvc-2", targetPath: target("pod-1", "pvc-2") } },
      { sh: `mount | grep -c ${root}/kubelet || true; umount ${data("pvc-2")}` },
    ]);
    expect(outcomes[8]).toMatchObject({ error: { code: "FAILED_PRECONDITION" } });
    expect(outcomes[9]).toMatchObject({ error: { code: "ABORTED" } });
    expect(valueOf(outcomes[10])).toBe("0");
  });
});
