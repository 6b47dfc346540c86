// Between the engine, which makes tokens at its own pace, and one reader: what piled up leaves as one delta, and the engine
// waits for a reader that stopped reading.
import { Deferred } from "@chimera/kernel";
import type { CompletePart, DeltaPart } from "./engine.ts";

/** Tokens held for a slow reader before the engine pauses: bounds the memory of one stream to a few kilobytes. */
export const BUFFER_TOKENS = 64;

type End = { part: CompletePart } | { error: unknown };

export class PartBuffer {
  readonly #capacityTokens: number;
  #text = "";
  #tokenCount = 0;
  #end: End | undefined;
  #readable = new Deferred<void>();
  #writable = new Deferred<void>();

  constructor(capacityTokens: number = BUFFER_TOKENS) {
    this.#capacityTokens = capacityTokens;
  }

  /** Hands over text with the tokens behind it. Resolves when the next text is welcome, at once while there is room. */
  async push(text: string, tokenCount: number): Promise<void> {
    this.#text += text;
    this.#tokenCount += tokenCount;
    this.#readable.resolve();
    while (this.#tokenCount >= this.#capacityTokens && this.#end === undefined) {
      this.#writable = new Deferred();
      await this.#writable.promise;
    }
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
      if (this.#text !== "") yield this.#take();
      else if (end) {
        yield end.part;
        return;
      } else {
        this.#readable = new Deferred();
        await this.#readable.promise;
      }
    }
  }

  #take(): DeltaPart {
    const delta: DeltaPart = { kind: "delta", text: this.#text, tokenCount: this.#tokenCount };
    this.#text = "";
    this.#tokenCount = 0;
    this.#writable.resolve();
    return delta;
  }

  #finish(end: End): void {
    if (this.#end) return;
    this.#end = end;
    this.#readable.resolve();
    this.#writable.resolve();
  }
}
