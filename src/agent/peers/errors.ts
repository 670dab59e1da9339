import { defineErrors } from "../../observe/errors.ts";

/** The errors between two agents before the data of a volume is sent. */
export const peerErrors = defineErrors("PEER", {
  NOT_REACHED: {
    message: (p: { node: string; address: string; why: string }) =>
      `cannot reach the agent of node ${p.node} at ${p.address}: ${p.why}`,
    retry: "backoff",
    advice:
      "Check that the agent's pod on that node runs, and that NetworkPolicies and firewalls let the agents reach each other. The agent tries again.",
  },
  WRONG_CERTIFICATE: {
    message: (p: { node: string; address: string; fingerprint: string }) =>
      `the server at ${p.address} is not the agent of node ${p.node}: the StorageNode does not have its certificate ${p.fingerprint}`,
    retry: "backoff",
    advice:
      "Right after a restart of that agent there is nothing to do: the StorageNode will have the new certificate. Otherwise find out which program listens at the address.",
  },
  UNKNOWN_NODE: {
    message: ({ node }: { node: string }) => `the StorageNode of node ${node} does not have the address of its agent`,
    retry: "backoff",
    advice: "Check that the agent's pod on that node runs. The agent tries again.",
  },
  CLOSED: {
    message: (p: { node: string; address: string; why: string }) =>
      `the agent of node ${p.node} at ${p.address} closed the connection before it answered: ${p.why}`,
    retry: "backoff",
    advice: "The log of that agent says why it refused. The transfer is tried again.",
  },
  NO_ANSWER: {
    message: (p: { node: string; address: string; seconds: number }) =>
      `the agent of node ${p.node} at ${p.address} did not answer within ${p.seconds} s`,
    retry: "backoff",
    advice: "Look at the log of that agent. The transfer is tried again.",
  },
  BAD_FRAME: {
    message: ({ why }: { why: string }) => `the other agent sent an invalid frame: ${why}`,
    retry: "backoff",
    advice:
      "Check that all agents run the same version of Mooring. If they do, find out which other program connects to the agent's port.",
  },
  UNKNOWN_VERSION: {
    message: ({ version }: { version: number }) =>
      `the other agent uses version ${version} of the transfer protocol, which this agent does not know`,
    retry: "backoff",
    advice: "Wait until the update of the agents has ended. The transfer is tried again.",
  },
  REFUSED: {
    message: (p: { node: string; code: string; message: string }) =>
      `the agent of node ${p.node} refused the transfer: ${p.message} (${p.code})`,
    retry: "backoff",
    advice: "See the advice for the code in the message. The transfer is tried again.",
  },
});
