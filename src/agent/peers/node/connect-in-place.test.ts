import { randomBytes, webcrypto } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { expect, it, onTestFinished } from "vitest";
import { systemRandom } from "../../../effects/node/random.ts";
import { DATA } from "../../transfer/wire/frames.ts";
import { Channel } from "../../transfer/wire/channel.ts";
import type { InPlaceStream } from "../../transfer/wire/in-place.ts";
import { makeCertificate } from "../make-certificate.ts";
import { connectInPlace } from "./connect-in-place.ts";

const KIB = 1024;
const never = new AbortController().signal;

/** The two ends of a connection: a server's, and one that can be read in place. */
async function pair(): Promise<readonly [TLSSocket, TLSSocket & InPlaceStream]> {
  const { cert, key } = await makeCertificate(
    { random: systemRandom(), web: webcrypto as webcrypto.Crypto },
    Date.now(),
  );
  const server = createServer({ cert, key, minVersion: "TLSv1.3" }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "secureConnection") as Promise<[TLSSocket]>;
  const { port } = server.address() as AddressInfo;
  const near = connectInPlace({ host: "127.0.0.1", port, rejectUnauthorized: false });
  const [far] = await accepted;
  for (const socket of [near, far]) socket.on("error", () => undefined);
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [far, near];
}

it("is read like any other stream at first, also when the reader is slow", async () => {
  const [far, near] = await pair();
  const sent = randomBytes(700 * KIB);
  far.end(sent);
  const parts: Buffer[] = [];
  for await (const part of near as AsyncIterable<Buffer>) {
    parts.push(part);
    if (parts.length % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(Buffer.concat(parts).equals(sent)).toBe(true);
});

it("then gives frames whose reader is as slow as it likes, up to the end", async () => {
  const [far, near] = await pair();
  const frames = [0, 5, 4096, 31 * KIB, 33 * KIB, 100 * KIB].flatMap((length) => [
    { type: 4, payload: randomBytes(length) },
    { type: DATA, payload: randomBytes(1024 * KIB) },
    { type: 4, payload: randomBytes(length) },
  ]);
  const source = new Channel(far, never);
  const target = new Channel(near, never);
  const send = async (): Promise<void> => {
    await source.writeHeader();
    for (const { payload, type } of frames) await source.write(type, payload);
    await source.flush();
    source.end();
  };
  const sending = send();
  await target.readHeader();
  for (const { payload, type } of frames) {
    const frame = await target.read();
    expect(frame.type).toBe(type);
    expect(frame.payload.equals(payload)).toBe(true);
    for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
  }
  await sending;
  target.expectNothingMore();
  await target.expectEnd();
});

it("puts bytes from before and after the switch together", async () => {
  const [far, near] = await pair();
  const source = new Channel(far, never);
  await source.writeHeader();
  await source.write(4, Buffer.from("early"));
  await source.flush();
  await once(near, "readable");
  const target = new Channel(near, never);
  await source.write(4, Buffer.from("late"));
  await source.flush();
  await target.readHeader();
  expect((await target.read()).payload.toString()).toBe("early");
  expect((await target.read()).payload.toString()).toBe("late");
});

it("buffers little that is not read", async () => {
  const [far, near] = await pair();
  const target = new Channel(near, never);
  const source = new Channel(far, never);
  let written = 0;
  const flood = async (): Promise<void> => {
    await source.writeHeader();
    for (; written < 400; written += 1) await source.write(4, Buffer.alloc(512 * KIB));
  };
  const flooding = flood().catch(() => undefined);
  await target.readHeader();
  const before = near.bytesRead;
  let last = -1;
  // The sockets of both sides take what they like, and then nothing moves any more.
  while (last !== written) {
    last = written;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  expect(near.bytesRead - before).toBeLessThan(512 * KIB);
  expect(written).toBeLessThan(400);
  target.destroy();
  await flooding;
});

it.each(["an end", "a break"])("says when %s comes within a frame", async (what) => {
  const [far, near] = await pair();
  const target = new Channel(near, never);
  const source = new Channel(far, never);
  await source.writeHeader();
  await source.write(DATA, Buffer.alloc(256 * KIB));
  await source.flush();
  far.write(Buffer.from([1, 2, 3]));
  if (what === "an end") far.end();
  await target.readHeader();
  expect((await target.read()).payload).toHaveLength(256 * KIB);
  const next = target.read();
  if (what === "a break") far.destroy();
  await expect(next).rejects.toMatchObject({ code: "TRANSFER_WIRE_BROKEN" });
});

it("reports bytes after the last frame", async () => {
  const [far, near] = await pair();
  const target = new Channel(near, never);
  const source = new Channel(far, never);
  await source.writeHeader();
  await source.flush();
  await target.readHeader();
  far.write("more");
  await expect(target.expectEnd()).rejects.toMatchObject({ code: "TRANSFER_WIRE_INVALID" });
});

it("ends every wait with the signal's reason", async () => {
  const [, near] = await pair();
  const stop = new AbortController();
  const target = new Channel(near, stop.signal);
  const reading = target.readHeader();
  stop.abort(new Error("the move has gone on"));
  await expect(reading).rejects.toThrow("the move has gone on");
});
