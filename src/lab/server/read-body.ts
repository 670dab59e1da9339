import type { IncomingMessage } from "node:http";
import { parse } from "yaml";
import { DecodeError } from "../schema/conform.ts";
import { decodeProtobuf } from "../api/kubectl/protobuf.ts";
import { badRequest, Failure } from "../api/errors/failure.ts";

/** What a request may have. */
const LARGEST_REQUEST = 3 * 1024 * 1024;

const PROTOBUF = "application/vnd.kubernetes.protobuf";

/**
 * The body, parsed: JSON, or YAML or protobuf if it says so; undefined for none. Throws a 400, 413
 * or 415.
 */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_REQUEST) {
      throw new Failure(413, "RequestEntityTooLarge", `Request entity too large: limit is ${String(LARGEST_REQUEST)}`);
    }
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (bytes.length === 0) return undefined;
  const type = (request.headers["content-type"] ?? "application/json").split(";")[0]?.trim() ?? "";
  if (type === PROTOBUF) return fromProtobuf(bytes);
  const text = bytes.toString();
  if (!/[/+](json|yaml)$/.test(type)) {
    throw new Failure(
      415,
      "UnsupportedMediaType",
      "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
    );
  }
  try {
    return type.endsWith("yaml") ? (parse(text) as unknown) : (JSON.parse(text) as unknown);
  } catch (error) {
    throw badRequest(`the object provided is unrecognized (must be of type Object): ${String(error)}`);
  }
}

function fromProtobuf(bytes: Buffer): unknown {
  try {
    return decodeProtobuf(bytes);
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message);
    throw error;
  }
}
