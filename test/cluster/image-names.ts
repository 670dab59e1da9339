/** The image of every pod's sandbox; pinned on each node. */
export const PAUSE_IMAGE = "registry.k8s.io/pause:3.10";

/** Names that workloads and helper pods use for busybox; all are the same image here. */
export const BUSYBOX_IMAGES: readonly string[] = [
  "docker.io/library/busybox:latest",
  "docker.io/library/busybox:1.37.0",
  "docker.io/rancher/library-busybox:1.32.1",
  "docker.io/rancher/mirrored-library-busybox:1.37.0",
];

/** The product's image, as manifests in tests name it. */
export const PRODUCT_IMAGE = "mooring.dev/mooring:test";
