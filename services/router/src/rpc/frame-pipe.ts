// Frames of an answer as typed messages, for doors that speak in messages: gRPC-Web, Connect, Chat.
import { fromBinary } from "@bufbuild/protobuf";
import { type GenerateResponse, GenerateResponseSchema } from "@chimera/contracts/common";
import { Deferred } from "@chimera/kernel";
import { messagesIn } from "@chimera/rpc";
import type { AnswerSink } from "../path/generate.ts";

/** Bytes that wait for a slow reader before the replica is paused. */
const HIGH_WATER_BYTES = 16 * 1024;

/** Runs `produce` with the writing end; leaving the iteration calls `leave` and waits for `produce`. Throws what it throws. */
export async function* pipeFrames(
  produce: (sink: AnswerSink) => Promise<void>,
  leave: () => void,
): AsyncGenerator<GenerateResponse, void, undefined> {
  const pipe = new FramePipe();
  const produced = produce(pipe).then(
    () => pipe.end({}),
    (error: unknown) => pipe.end({ error }),
  );
  try {
    for (;;) {
      const frames = pipe.take();
      if (frames) for (const message of messagesIn(frames)) yield fromBinary(GenerateResponseSchema, message);
      else if (pipe.ended) break;
      else await pipe.more();
    }
    if (pipe.ended && "error" in pipe.ended) throw pipe.ended.error;
  } finally {
    leave();
    await produced;
  }
}

class FramePipe implements AnswerSink {
  /** Bounded by HIGH_WATER_BYTES and one write; a writer that goes on all the same is pausing already. */
  #frames: Buffer[] = [];
  #bytes = 0;
  #more = new Deferred<void>();
  #onDrain: (() => void) | undefined;
  ended: { error?: unknown } | undefined;

  write(frames: Buffer): boolean {
    this.#frames.push(frames);
    this.#bytes += frames.length;
    this.#more.resolve();
    return this.#bytes < HIGH_WATER_BYTES;
  }

  onDrain(listener: () => void): void {
    this.#onDrain = listener;
  }

  end(how: { error?: unknown }): void {
    this.ended = how;
    this.#more.resolve();
  }

  take(): Buffer | undefined {
    const frames = this.#frames.shift();
    if (!frames) return undefined;
    const wasFull = this.#bytes >= HIGH_WATER_BYTES;
    this.#bytes -= frames.length;
    if (wasFull && this.#bytes < HIGH_WATER_BYTES) this.#onDrain?.();
    return frames;
  }

  async more(): Promise<void> {
    await this.#more.promise;
    this.#more = new Deferred();
  }
}
