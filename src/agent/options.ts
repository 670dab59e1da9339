/** What `mooring agent` is told on its command line. */
export interface AgentOptions {
  /** Name of the Node object. */
  readonly nodeName: string;
  /** Address at which other agents reach this one; undefined: none can. */
  readonly address?: string | undefined;
  /**
   * Directories of the host that are mounted into the agent under the same path. Pools lie below
   * one.
   */
  readonly roots: readonly string[];
  /** The kubelet's root directory. */
  readonly kubeletDirectory: string;
  /** Where the driver's socket is. */
  readonly csiDirectory: string;
  readonly healthPort: number;
  readonly transferPort: number;
  /** Bytes per second of all copies that leave this node, together. @default no limit */
  readonly bandwidth?: number | undefined;
}
