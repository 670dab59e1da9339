/** What the demo runs: a set of shipped manifests, and the program in their image. */
export interface Product {
  /** Below deploy/, in the order in which they are applied. */
  readonly manifests: readonly string[];
  readonly namespace: string;
  readonly deployment: string;
  readonly storageClass: string;
  /** The name that the image's command has. */
  readonly program: "mooring" | "local-path-provisioner";
}

/** Volumes that move with their pod. */
export const MOVABLE: Product = {
  manifests: ["mooring-base.yaml", "mooring.yaml"],
  namespace: "mooring",
  deployment: "mooring-controller",
  storageClass: "mooring",
  program: "mooring",
};

/** Volumes that stay where they are, as local-path-provisioner makes them. */
export const CLASSIC: Product = {
  manifests: ["local-path-storage.yaml"],
  namespace: "local-path-storage",
  deployment: "local-path-provisioner",
  storageClass: "local-path",
  program: "local-path-provisioner",
};

export const PROVISIONER = "rancher.io/local-path";

/** Whether objects of this namespace are the product's own. */
export function isProductNamespace(namespace: string | undefined): boolean {
  return namespace === MOVABLE.namespace || namespace === CLASSIC.namespace;
}

/** The image of the shipped manifests, whatever its tag. */
export function isProductImage(image: string): boolean {
  return /(^|\/)mooring([:@]|$)/.test(image);
}
