// Counts the gRPC messages in a stream of bytes, wherever it was cut. Written apart from the code it measures.

const PREFIX_BYTES = 5;

export class MessageCounter {
  /** Messages that have arrived whole. */
  messages = 0;
  #prefixRead = 0;
  #length = 0;
  #left = 0;

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#prefixRead < PREFIX_BYTES) {
        const byte = chunk[at++] ?? 0;
        // The first byte is a flag, the others are the length.
        this.#length = this.#prefixRead === 0 ? 0 : this.#length * 256 + byte;
        if (++this.#prefixRead === PREFIX_BYTES) this.#left = this.#length;
      } else {
        const step = Math.min(this.#left, chunk.length - at);
        at += step;
        this.#left -= step;
      }
      if (this.#prefixRead < PREFIX_BYTES || this.#left > 0) continue;
      this.messages += 1;
      this.#prefixRead = 0;
    }
  }
}
