/*
 * sha256 on another thread. Node has it only for whole messages that it copies first
 * (`crypto.subtle`), which takes a fifth longer. So the functions of the OpenSSL that is part of
 * Node are called on a thread of libuv's pool. If this Node does not have them, or if they do not
 * give what node:crypto gives, everything is hashed on the calling thread.
 */
import { createHash, type Hash } from "node:crypto";
import { libcFunction } from "../../sys/libc.ts";

/** Fewer bytes are hashed on this thread, because handing them to another one takes as long. */
const ASIDE_BYTES = 128 * 1024;
const HASH_BYTES = 32;
/** An SHA256_CTX has 112 bytes. */
const STATE_BYTES = 128;

const calls = {
  init: libcFunction("SHA256_Init", "int", ["void *"]),
  update: libcFunction("SHA256_Update", "int", ["void *", "void *", "size_t"]),
  final: libcFunction("SHA256_Final", "int", ["void *", "void *"]),
};

/** A sha256 that is fed in parts. Only one call may be in progress at a time. */
export interface Sha256 {
  update(bytes: Buffer): void;
  /** Resolves when the bytes are hashed. Until then they must not change. */
  updateAside(bytes: Buffer): Promise<void>;
  digest(): Buffer;
}

/** A new sha256, which uses other threads if that is possible here. */
export function sha256(): Sha256 {
  isNative ??= worksHere();
  return isNative ? new NativeSha256() : new NodeSha256();
}

let isNative: boolean | undefined;

class NativeSha256 implements Sha256 {
  readonly #state = Buffer.alloc(STATE_BYTES);

  constructor() {
    expectOne(calls.init.call("", this.#state));
  }

  update(bytes: Buffer): void {
    expectOne(calls.update.call("", this.#state, bytes, bytes.length));
  }

  async updateAside(bytes: Buffer): Promise<void> {
    if (bytes.length < ASIDE_BYTES) this.update(bytes);
    else expectOne(await calls.update.callAsync("", this.#state, bytes, bytes.length));
  }

  digest(): Buffer {
    const hash = Buffer.alloc(HASH_BYTES);
    expectOne(calls.final.call("", hash, this.#state));
    return hash;
  }
}

class NodeSha256 implements Sha256 {
  readonly #hash: Hash = createHash("sha256");

  update(bytes: Buffer): void {
    this.#hash.update(bytes);
  }

  updateAside(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes);
    return Promise.resolve();
  }

  digest(): Buffer {
    return this.#hash.digest();
  }
}

/** Compares one hash with that of node:crypto. */
function worksHere(): boolean {
  const bytes = Buffer.alloc(1000, "mooring");
  try {
    const hash = new NativeSha256();
    hash.update(bytes);
    return hash.digest().equals(createHash("sha256").update(bytes).digest());
  } catch {
    return false;
  }
}

/** These functions return 1 when they succeed. */
function expectOne(returned: number): void {
  if (returned !== 1) throw new Error("OpenSSL cannot compute a sha256");
}
