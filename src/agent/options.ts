/** The command-line options of `mooring agent`. */
export interface AgentOptions {
  /** Name of the Node object. */
  readonly nodeName: string;
  /** Address for other agents. Undefined: other agents cannot reach this one. */
  readonly address?: string | undefined;
  /**
   * Directories of the host that are mounted into the agent under the same path. Pools lie below
   * one.
   */
  readonly roots: readonly string[];
  /** The kubelet's root directory. */
  readonly kubeletDirectory: string;
  /** The directory of the driver's socket. */
  readonly csiDirectory: string;
  readonly healthPort: number;
  readonly transferPort: number;
  /** Bytes per second of all copies that leave this node, together. @default no limit */
  readonly bandwidth?: number | undefined;
}
