// Between the engine, which makes tokens at its own pace, and one reader: what piled up leaves as one delta, and the engine
// waits for a reader that stopped reading.
import { Deferred } from "@chimera/kernel";
import type { CompletePart, DeltaPart } from "./engine.ts";

/** Tokens held for a slow reader before the engine pauses: bounds the memory of one stream to a few kilobytes. */
export const BUFFER_TOKENS = 64;

type End = { part: CompletePart } | { error: unknown };

export class PartBuffer {
  readonly #capacityTokens: number;
  /** What came since the reader's last look. */
  #delta: DeltaPart | undefined;
  #end: End | undefined;
  /** Set while the reader waits. */
  #readable: Deferred<void> | undefined;
  /** Set while the engine waits. */
  #writable: Deferred<void> | undefined;

  constructor(capacityTokens: number = BUFFER_TOKENS) {
    this.#capacityTokens = capacityTokens;
  }

  /** Hands over text with the tokens behind it. Returns a promise where the next text is not welcome yet. */
  push(delta: DeltaPart): Promise<void> | undefined {
    const held = this.#delta ? merged(this.#delta, delta) : delta;
    this.#delta = held;
    this.#wakeReader();
    if (held.tokenCount < this.#capacityTokens || this.#end) return undefined;
    this.#writable ??= new Deferred();
    return this.#writable.promise;
  }

  /** Ends the stream well, after the text that is still here. */
  complete(part: CompletePart): void {
    this.#finish({ part });
  }

  /** Ends the stream with an error at once; text that is still here is dropped. */
  fail(error: unknown): void {
    this.#finish({ error });
  }

  async *parts(): AsyncGenerator<DeltaPart | CompletePart, void, undefined> {
    for (;;) {
      const end = this.#end;
      if (end && "error" in end) throw end.error;
      const delta = this.#take();
      if (delta) yield delta;
      else if (end) {
        yield end.part;
        return;
      } else {
        this.#readable = new Deferred();
        await this.#readable.promise;
      }
    }
  }

  #take(): DeltaPart | undefined {
    const delta = this.#delta;
    this.#delta = undefined;
    this.#wakeEngine();
    return delta;
  }

  #finish(end: End): void {
    if (this.#end) return;
    this.#end = end;
    this.#wakeReader();
    this.#wakeEngine();
  }

  #wakeReader(): void {
    this.#readable?.resolve();
    this.#readable = undefined;
  }

  #wakeEngine(): void {
    this.#writable?.resolve();
    this.#writable = undefined;
  }
}

function merged(before: DeltaPart, after: DeltaPart): DeltaPart {
  return {
    kind: "delta",
    text: before.text + after.text,
    tokenCount: before.tokenCount + after.tokenCount,
    tokenIds: after.tokenIds && [...(before.tokenIds ?? []), ...after.tokenIds],
  };
}
