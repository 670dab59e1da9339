import type { Exchange } from "./record.ts";

/** A case in which the lab answers otherwise on purpose. */
export interface Difference {
  readonly why: string;
  /** What it answers instead, in the form of a recording. */
  readonly lab: readonly Exchange[];
}

/**
 * By the case's name; each is in docs/lab.md too. The lab must answer as it says here, and that
 * must differ from the recording: a case that has come to agree has to leave this list.
 */
export const DIFFERENCES: Readonly<Record<string, Difference>> = {
  "a server-side apply makes and owns fields": {
    why: "the lab has no server-side apply and answers 415",
    lab: [
      {
        request: "PATCH apply /api/v1/namespaces/conformance-RUN/configmaps/one?fieldManager=me",
        code: 415,
        body: {
          kind: "Status",
          apiVersion: "v1",
          metadata: {},
          status: "Failure",
          message:
            "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json",
          reason: "UnsupportedMediaType",
          details: {},
          code: 415,
        },
      },
    ],
  },
  "a new node is tainted until it is Ready": {
    why: "in the lab a node takes pods as soon as it is there, so that tests can make nodes without a kubelet",
    // Its spec.
    lab: [{ request: "POST /api/v1/nodes", code: 201, body: {} }],
  },
};
