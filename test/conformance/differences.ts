/**
 * Where the lab answers otherwise on purpose, by the case's name, and why; each is in docs/lab.md too. Such a case must differ: one that has come to agree has to leave this list.
 */
export const DIFFERENCES: Readonly<Record<string, string>> = {
  "a server-side apply makes and owns fields": "the lab has no server-side apply and answers 415",
  "a new node is tainted until it is Ready":
    "in the lab a node takes pods as soon as it is there, so that tests can make nodes without a kubelet",
};
