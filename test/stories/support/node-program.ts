import { statefulSet } from "./workloads.ts";

/** A StatefulSet of one pod that runs a program on the product's image, which has Node. */
export function nodeProgram(
  namespace: string,
  name: string,
  storageClassName: string,
  image: string,
  program: string,
): object {
  const set = statefulSet(namespace, name, storageClassName, ["node", "-e", program]) as {
    spec: { template: { spec: { containers: [object] } } };
  };
  const { template } = set.spec;
  const [container] = template.spec.containers;
  const spec = { ...template.spec, terminationGracePeriodSeconds: 30, containers: [{ ...container, image }] };
  return { ...set, spec: { ...set.spec, template: { ...template, spec } } };
}
