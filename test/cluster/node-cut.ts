/*
 * A cut between two nodes needs no packet filter, which a kernel may not have. Each of the two gets
 * a link-layer address for the other that no port of the bridge has, and a direct way to its pods,
 * so that theirs and its own packets go the same way: into nothing, without an error for the
 * sender. Everything else, the API server too, is reached as before.
 */

/** A link-layer address that nobody has. */
const NOWHERE = "02:00:0a:4d:ff:ff";

/** What a node is called by on the network. */
export interface Addresses {
  readonly address: string;
  readonly podRange: string;
}

/** Commands for a node's network that stop its packets to a peer. */
export function cutScript({ address, podRange }: Addresses): string {
  return `
    ip neigh replace ${address} lladdr ${NOWHERE} dev eth0 nud permanent
    ip route replace ${podRange} via ${address} dev eth0`;
}

/** Commands that let them through again. */
export function healScript({ address, podRange }: Addresses): string {
  return `
    ip route delete ${podRange} via ${address} dev eth0
    ip neigh delete ${address} dev eth0`;
}
