// The five bytes before each gRPC message, and the cutting of a byte stream into whole messages without decoding them.
import { InternalError } from "@chimera/kernel";

/** One byte of flags, four of length. */
export const ENVELOPE_BYTES = 5;

/** A message with its envelope. */
export function envelope(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(ENVELOPE_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, ENVELOPE_BYTES);
  return frame;
}

/** The messages in a run of whole frames, in order; views, no copies. */
export function* messagesIn(frames: Buffer): Generator<Buffer, void, undefined> {
  for (let at = 0; at < frames.length; ) {
    const end = at + ENVELOPE_BYTES + frames.readUInt32BE(at + 1);
    yield frames.subarray(at + ENVELOPE_BYTES, end);
    at = end;
  }
}

/** Turns chunks as they come off a connection into runs of whole frames. Holds at most one message and one chunk. */
export class FrameCutter {
  readonly #maxMessageBytes: number;
  /** The beginning of a frame whose end has not come; bounded by the largest message. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Bytes the first held frame needs, as far as known. */
  #neededBytes = ENVELOPE_BYTES;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  get isMidFrame(): boolean {
    return this.#heldBytes > 0;
  }

  /** Every whole frame there is now, or undefined. Throws InternalError for what can not be a message of this mesh. */
  push(chunk: Buffer): Buffer | undefined {
    if (this.#heldBytes === 0) return this.#cut(chunk);
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#neededBytes) return undefined;
    const joined = Buffer.concat(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    return this.#cut(joined);
  }

  #cut(bytes: Buffer): Buffer | undefined {
    let end = 0;
    let needed = ENVELOPE_BYTES;
    while (bytes.length - end >= ENVELOPE_BYTES) {
      if (bytes[end] !== 0) throw new InternalError("a compressed message came where none was asked for");
      const size = bytes.readUInt32BE(end + 1);
      if (size > this.#maxMessageBytes) {
        throw new InternalError(`a message has ${size} bytes, at most ${this.#maxMessageBytes} are read`);
      }
      needed = ENVELOPE_BYTES + size;
      if (bytes.length - end < needed) break;
      end += needed;
      needed = ENVELOPE_BYTES;
    }
    if (end === bytes.length) return bytes;
    // A copy, so that a few bytes do not keep a whole read buffer alive.
    this.#held = [Buffer.from(bytes.subarray(end))];
    this.#heldBytes = bytes.length - end;
    this.#neededBytes = needed;
    return end === 0 ? undefined : bytes.subarray(0, end);
  }
}
