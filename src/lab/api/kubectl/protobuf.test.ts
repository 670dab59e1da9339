import { describe, expect, it } from "vitest";
import { DecodeError } from "../../schema/conform.ts";
import { decodeProtobuf } from "./protobuf.ts";

/** One field of a message: bytes or text. */
function field(number: number, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
}

function body(apiVersion: string, kind: string, object: Uint8Array): Buffer {
  const type = Buffer.concat([field(1, apiVersion), field(2, kind)]);
  return Buffer.concat([Buffer.from("k8s\0"), field(1, type), field(2, object), field(3, ""), field(4, "")]);
}

describe("a protobuf body is read by the recorded field numbers", () => {
  it("reads names, labels and numbers", () => {
    const label = Buffer.concat([field(1, "app"), field(2, "web")]);
    const metadata = Buffer.concat([field(1, "db"), field(11, label)]);
    const spec = Buffer.from([1 * 8, 3]);
    expect(decodeProtobuf(body("apps/v1", "StatefulSet", Buffer.concat([field(1, metadata), field(2, spec)])))).toEqual(
      {
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        metadata: { name: "db", labels: { app: "web" } },
        spec: { replicas: 3 },
      },
    );
  });

  it("reads a struct that stands inline in JSON", () => {
    const source = field(1, field(1, "/data"));
    const volume = Buffer.concat([field(1, "v"), field(2, source)]);
    expect(decodeProtobuf(body("v1", "Pod", field(2, field(1, volume))))).toMatchObject({
      spec: { volumes: [{ name: "v", hostPath: { path: "/data" } }] },
    });
  });

  it("finds DeleteOptions in every group", () => {
    expect(decodeProtobuf(body("apps/v1", "DeleteOptions", field(4, "Orphan")))).toMatchObject({
      propagationPolicy: "Orphan",
    });
  });

  it("refuses what is none, and what breaks off", () => {
    expect(() => decodeProtobuf(Buffer.from("{}"))).toThrow(DecodeError);
    expect(() => decodeProtobuf(body("v1", "Pod", Buffer.from([10, 200])))).toThrow("unexpected EOF");
    expect(() => decodeProtobuf(body("v9", "Nothing", Buffer.alloc(0)))).toThrow(
      'no kind "Nothing" is registered for version "v9"',
    );
  });
});
