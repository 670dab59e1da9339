import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonLines } from "./lines.ts";

async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}

async function collect(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const documents: unknown[] = [];
  for await (const document of stream) documents.push(document);
  return documents;
}

test("any documents come out as they went in, wherever the chunks are cut", async () => {
  const size = fc.nat({ max: 20 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue({ stringUnit: "binary" })), fc.array(size), async (values, sizes) => {
      const documents = values.map((value) => JSON.parse(JSON.stringify({ value })) as unknown);
      const bytes = new TextEncoder().encode(documents.map((document) => `${JSON.stringify(document)}\n`).join(""));
      expect(await collect(jsonLines(cut(bytes, sizes)))).toEqual(documents);
    }),
  );
});

test("the last line needs no newline, and empty lines and carriage returns are nothing", async () => {
  const bytes = new TextEncoder().encode('{"a":1}\r\n\n\r\n{"b":2}');
  expect(await collect(jsonLines(cut(bytes, [])))).toEqual([{ a: 1 }, { b: 2 }]);
});

test("the next chunk is asked for only when the documents before it were taken", async () => {
  let asked = 0;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      asked += 1;
      yield new TextEncoder().encode("1\n2\n3\n");
    }
  }
  const stream = jsonLines(chunks());
  for (let i = 0; i < 3; i++) await stream.next();
  expect(asked).toBe(1);
  await stream.next();
  expect(asked).toBe(2);
  await stream.return();
});

test("a line without an end does not fill the memory", async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(4 * 1024 * 1024).fill(0x20);
  }
  await expect(collect(jsonLines(endless()))).rejects.toMatchObject({ reason: "BadResponse" });
});
