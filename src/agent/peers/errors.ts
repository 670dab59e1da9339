import { defineErrors } from "../../observe/errors.ts";

/** What can go wrong between two agents before the data of a volume flows. */
export const peerErrors = defineErrors("PEER", {
  NOT_REACHED: {
    message: (p: { node: string; address: string; why: string }) =>
      `cannot reach the agent of node ${p.node} at ${p.address}: ${p.why}`,
    retry: "backoff",
    advice:
      "Look whether the agent's pod on that node runs, and whether a NetworkPolicy or firewall lets the agents reach each other. It is tried again.",
  },
  WRONG_CERTIFICATE: {
    message: (p: { node: string; address: string; fingerprint: string }) =>
      `what answers at ${p.address} is not the agent of node ${p.node}: its certificate ${p.fingerprint} is not among those in the StorageNode`,
    retry: "backoff",
    advice:
      "Right after a restart of that agent nothing: the StorageNode will name the new certificate. Otherwise find out what listens at the address.",
  },
  UNKNOWN_NODE: {
    message: ({ node }: { node: string }) => `the StorageNode of node ${node} does not say how to reach its agent`,
    retry: "backoff",
    advice: "Look whether the agent's pod on that node runs. It is tried again.",
  },
  CLOSED: {
    message: (p: { node: string; address: string; why: string }) =>
      `the agent of node ${p.node} at ${p.address} closed the connection before it answered: ${p.why}`,
    retry: "backoff",
    advice: "The log of that agent says why it refused. It is tried again.",
  },
  NO_ANSWER: {
    message: (p: { node: string; address: string; seconds: number }) =>
      `the agent of node ${p.node} at ${p.address} did not answer within ${p.seconds} s`,
    retry: "backoff",
    advice: "Look at the log of that agent. It is tried again.",
  },
  BAD_FRAME: {
    message: ({ why }: { why: string }) => `the other agent sent something that is not understood: ${why}`,
    retry: "backoff",
    advice: "Let all agents run the same version of Mooring, or find out what else connects to the agent's port.",
  },
  UNKNOWN_VERSION: {
    message: ({ version }: { version: number }) =>
      `the other agent speaks version ${version} of the transfer protocol, which this one does not know`,
    retry: "backoff",
    advice: "Wait until the update of the agents has ended: it is tried again.",
  },
  REFUSED: {
    message: (p: { node: string; code: string; message: string }) =>
      `the agent of node ${p.node} refused the transfer: ${p.message} (${p.code})`,
    retry: "backoff",
    advice: "See the advice for the code that is named. It is tried again.",
  },
});
