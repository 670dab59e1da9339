/** Where the shipped manifest puts the product, and under which names it writes. */
export const PRODUCT_NAMESPACE = "local-path-storage";
export const PRODUCT_DEPLOYMENT = "local-path-provisioner";
export const PROVISIONER = "rancher.io/local-path";
export const STORAGE_CLASS = "local-path";

/** The image of the shipped manifest, whatever its tag. */
export function isProductImage(image: string): boolean {
  return /(^|\/)mooring([:@]|$)/.test(image);
}
