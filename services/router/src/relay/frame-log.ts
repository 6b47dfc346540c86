// The frames of an answer so far, in order: what a late reader begins with, what another replica goes on from, what the cache
// gets.

/** Small enough that a short answer costs little, large enough that a long one has few. */
const BLOCK_BYTES = 4 * 1024;

export class FrameLog {
  readonly #maxBytes: number;
  /** Together at most `maxBytes` and one block. */
  #blocks: Buffer[] = [];
  /** Bytes used of the last block. */
  #used = BLOCK_BYTES;
  #length = 0;
  #isWhole = true;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes appended, forgotten ones included. */
  get length(): number {
    return this.#length;
  }

  /** False once the answer has outgrown the bound: nothing of it is kept then. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Copies: frames are views into read buffers far larger than they are. */
  append(frames: Uint8Array): void {
    this.#length += frames.length;
    if (!this.#isWhole) return;
    if (this.#length > this.#maxBytes) {
      this.#isWhole = false;
      this.#blocks = [];
      return;
    }
    for (let at = 0; at < frames.length; ) {
      let block = this.#blocks.at(-1);
      if (!block || this.#used === block.length) {
        block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
        this.#blocks.push(block);
        this.#used = 0;
      }
      const part = frames.subarray(at, at + block.length - this.#used);
      block.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
    }
  }

  /** Everything from an offset on. Only while isWhole. */
  from(offset: number): Buffer {
    const first = Math.floor(offset / BLOCK_BYTES);
    const blocks = this.#blocks.slice(first);
    return Buffer.concat(blocks, this.#length - first * BLOCK_BYTES).subarray(offset - first * BLOCK_BYTES);
  }
}
