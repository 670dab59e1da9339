/*
 * The original's own test suite on one cluster: each of its scenarios brings a configuration, a
 * class, a claim and a pod, and takes all of them away again at once, the provisioner too. Their
 * volumes stay behind, Released, of classes that neither the cluster nor the next configuration
 * knows. Here the provisioner always goes first, so that every volume does; and the claim and the
 * node are always the same, so that a path pattern leads to a directory that is still there.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import {
  expectBound,
  expectDirectory,
  expectGone,
  expectNoDirectory,
  expectNoHelpers,
  expectReady,
  type BoundClaim,
} from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import type { Volume } from "./support/objects.ts";
import { installProduct, productLog, removeProduct, type InstallOptions } from "./support/product.ts";
import { useGround } from "./support/shared-ground.ts";
import { claim, onHost, pod, storageClass } from "./support/workloads.ts";

const on = useGround("containers", "load-image", "node-files");
const NS = "sequence";
const BASE = "/opt/local-path-provisioner";
const MANIFEST = "test/stories/manifests/local-path-storage-v0.0.37.yaml";
/** Of the claim and its pod in every scenario. */
const NAME = "local-path-pvc";

const LOCAL = { nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: [BASE] }] };
const OWN_FOLDER = "{{ .PVC.Namespace }}/{{ .PVC.Name }}/";
const OUTSIDE = "/opt/../{{ .PVC.Namespace }}_{{ .PVC.Name }}/../etc/";

interface Scenario {
  readonly title: string;
  /** A class of its own; without one it is the manifest's, in the manifest's configuration. */
  readonly own?: { readonly name: string; readonly parameters: object; readonly annotations?: object };
  readonly claimAnnotations?: Readonly<Record<string, string>>;
  /** The directory below the base; by default the one that is called after the volume. */
  readonly folder?: string;
}

/** Each is followed by what has most to fear from it. */
const SCENARIOS: readonly Scenario[] = [
  { title: "TestPodWithHostPathVolume" },
  { title: "TestPodWithLocalVolume", claimAnnotations: { volumeType: "local" } },
  {
    title: "TestPodWithCustomPathPatternStorageClasses",
    own: { name: "pattern-a", parameters: { nodePath: BASE, pathPattern: OWN_FOLDER } },
    folder: `${NS}/${NAME}`,
  },
  {
    title: "the same pattern in another class, the only one that is configured now",
    own: { name: "pattern-b", parameters: { nodePath: BASE, pathPattern: OWN_FOLDER } },
    folder: `${NS}/${NAME}`,
  },
  {
    title: "TestPodWithSkipPathPatternCheck",
    own: { name: "unsafe-parameter", parameters: { allowUnsafePathPattern: "true", pathPattern: OUTSIDE } },
    folder: "etc",
  },
  {
    title: "TestPodWithSkipPathPatternCheckByAnnotation",
    own: {
      name: "unsafe-annotation",
      annotations: { allowUnsafePathPattern: "true" },
      parameters: { pathPattern: OUTSIDE },
    },
    folder: "etc",
  },
  { title: "TestPodWithHostPathVolume once more, as the suite is run again" },
];

function optionsOf({ own }: Scenario): InstallOptions {
  const config = own === undefined ? LOCAL : { nodePathMap: [], storageClassConfigs: { [own.name]: LOCAL } };
  return { manifest: MANIFEST, config };
}

/** What the scenario before has left. */
let left: BoundClaim | undefined;

beforeAll(async () => {
  await openNamespace(on.ground, NS);
});
afterAll(async () => {
  // Somebody has to remove what a scenario that failed has left.
  await installProduct(on.ground, optionsOf({ title: "" }));
  const classes = SCENARIOS.flatMap(({ own }) => (own === undefined ? [] : [own.name]));
  await leaveNothing(on.ground, { namespace: NS, classes, product: { manifest: MANIFEST } });
});

describe("scenario after scenario of the original's suite, installed and uninstalled on one cluster", () => {
  test.each(SCENARIOS.map((scenario) => [scenario.title, scenario] as const))(
    "%s: what was left is removed without its class, and the claim gets an empty directory",
    async (_, scenario) => {
      const { ground } = on;
      try {
        left = await served(scenario, left);
      } finally {
        await takeAway(scenario);
      }
      const name = left.volume.metadata.name;
      await ground.waitFor(`volume ${name} to be Released`, async (saw) => {
        const phase = (await ground.get<Volume>("PersistentVolume", name))?.status.phase;
        saw(phase);
        return phase === "Released" ? true : undefined;
      });
      await expectDirectory(ground, left.node, left.path);
    },
  );

  test("installed for good, the last one's volume goes too, and nothing is left", async () => {
    const { ground } = on;
    const [, second = ""] = ground.nodes;
    await installProduct(ground, { manifest: MANIFEST });
    const last = left;
    if (last === undefined) throw new Error("the last scenario has left nothing");
    await expectGone(ground, "PersistentVolume", last.volume.metadata.name);
    await expectNoDirectory(ground, second, last.path);
    const volumes = await ground.list<Volume>("persistentvolumes");
    expect(volumes.filter(({ spec }) => spec.claimRef?.namespace === NS)).toEqual([]);
    for (const folder of [`${NS}/${NAME}`, "etc"]) await expectNoDirectory(ground, second, `${BASE}/${folder}`);
  });
});

/** Installs a scenario, and sees its pod write to a volume that is its own. */
async function served(scenario: Scenario, before: BoundClaim | undefined): Promise<BoundClaim> {
  const { ground } = on;
  const { title, own, claimAnnotations, folder } = scenario;
  const [, second = ""] = ground.nodes;
  if (own !== undefined) {
    const { name, ...rest } = own;
    await ground.apply(toYaml(storageClass(name, rest)));
  }
  const metadata = claimAnnotations === undefined ? {} : { metadata: { annotations: claimAnnotations } };
  const command = `found="$(ls -A /data)"; echo "${title}; found: $found" > /data/file; exec sleep 3600`;
  await ground.apply(
    toYaml(
      claim(NS, NAME, own?.name ?? "local-path", metadata),
      pod(NS, NAME, NAME, { spec: onHost(second), command: ["sh", "-c", command] }),
    ),
  );
  // As with one `kubectl apply` for all of it: the claim and what was left before are there at once
  // when the provisioner looks first.
  await installProduct(ground, optionsOf(scenario));
  await expectReady(ground, NS, NAME);
  const bound = await expectBound(ground, NS, NAME);
  expect(bound.node).toBe(second);
  expect(bound.path).toBe(`${BASE}/${folder ?? `${bound.volume.metadata.name}_${NS}_${NAME}`}`);
  const text = async (): Promise<string> => await ground.onNode(second).readFile(`${bound.path}/file`);
  const written = `${title}; found: \n`;
  expect(await ground.waitFor("the pod to have written", async () => (await text()) || undefined)).toBe(written);
  if (before !== undefined) {
    await expectGone(ground, "PersistentVolume", before.volume.metadata.name);
    if (before.path !== bound.path) await expectNoDirectory(ground, second, before.path);
  }
  await expectNoHelpers(ground);
  // Whoever has removed what was there before has not taken this along.
  expect(await text()).toBe(written);
  const lines = await productLog(ground);
  expect(lines.filter(({ msg }) => msg.includes("unexpected storage class"))).toEqual([]);
  return bound;
}

/** The provisioner goes first: nobody is there who could remove the volume. */
async function takeAway({ own }: Scenario): Promise<void> {
  const { ground } = on;
  await removeProduct(ground, { manifest: MANIFEST });
  await ground.delete("Pod", NAME, NS);
  await ground.delete("PersistentVolumeClaim", NAME, NS);
  if (own !== undefined) await ground.delete("StorageClass", own.name);
  await expectGone(ground, "PersistentVolumeClaim", NAME, NS);
}
