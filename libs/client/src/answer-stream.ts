/// <reference lib="esnext.disposable" preserve="true" />
// The two ends of an answer: a call feeds it, a caller reads it.
import type { GenerateResponse } from "@chimera/contracts/common";
import type { Clock } from "@chimera/kernel";
import { Answer, type AnswerEvent, type AnswerResult } from "./answer.ts";
import { ChimeraClientError, cancelled, withDetails } from "./error.ts";
import { ReadAhead } from "./read-ahead.ts";

/** Events taken from the wire before anybody reads them; then the sender has to wait. */
const READ_AHEAD_EVENTS = 16;

/**
 * One answer, being made. It is read once: as events, as pieces of text, or whole. Leaving the loop early ends the call, down
 * to the engine. An error comes out of the loop and of `result()`; CANCELLED is the error of a call that was cancelled.
 */
export interface AnswerStream extends AsyncIterable<AnswerEvent>, AsyncDisposable {
  /** The pieces of the answer, none of them empty. */
  readonly text: AsyncIterable<string>;
  /** From the call to its first piece of text; undefined until then. */
  readonly ttftMs: number | undefined;
  /** The whole answer. Reads it where nobody else does. */
  result(): Promise<AnswerResult>;
  /** Stops the work. What had arrived is in the error's `partial`. */
  cancel(): void;
}

export interface FeedOptions {
  clock: Clock;
  requestId?: string | undefined;
  /** The reader wants no more of it. */
  onStop(reason: ChimeraClientError): void;
}

/** The end that the call writes to. Only the first finish or fail counts. */
export class AnswerFeed {
  readonly stream: AnswerStream;
  readonly answer: Answer;
  readonly #events = new ReadAhead<AnswerEvent>(READ_AHEAD_EVENTS);
  readonly #result: Promise<AnswerResult>;
  #settle: { resolve(result: AnswerResult): void; reject(error: ChimeraClientError): void } | undefined;

  constructor({ clock, requestId, onStop }: FeedOptions) {
    this.answer = new Answer(clock, requestId);
    this.#result = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever wants to hear of a failure reads the stream or asks for the result.
    this.#result.catch(() => undefined);
    const { answer } = this;
    this.stream = new Reader({
      events: this.#events,
      result: this.#result,
      ttftMs: () => answer.ttftMs,
      stop: (reason) => {
        if (!this.hasEnded) onStop(reason);
      },
      leave: (reason) => {
        if (this.hasEnded) return;
        this.fail(reason);
        onStop(reason);
      },
    });
  }

  get hasEnded(): boolean {
    return this.#settle === undefined;
  }

  /** Resolves when the reader is near enough. Throws where the part can not follow what came before. */
  async part(part: GenerateResponse): Promise<void> {
    if (this.hasEnded) return;
    const event = this.answer.take(part);
    if (event) await this.#events.push(event);
  }

  finish(): void {
    if (!this.#settle) return;
    try {
      this.#settle.resolve(this.answer.result());
    } catch (error) {
      this.fail(error as ChimeraClientError);
      return;
    }
    this.#settle = undefined;
    this.#events.end();
  }

  fail(error: ChimeraClientError): void {
    if (!this.#settle) return;
    const detailed = withDetails(error, this.answer.soFar());
    this.#settle.reject(detailed);
    this.#settle = undefined;
    // Who cancelled wants no more; after any other error what had arrived is still worth reading.
    if (detailed.code === "CANCELLED") this.#events.clear();
    this.#events.end(detailed);
  }
}

interface ReaderOptions {
  events: ReadAhead<AnswerEvent>;
  result: Promise<AnswerResult>;
  ttftMs(): number | undefined;
  stop(reason: ChimeraClientError): void;
  leave(reason: ChimeraClientError): void;
}

class Reader implements AnswerStream {
  readonly #options: ReaderOptions;
  #isTaken = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  get ttftMs(): number | undefined {
    return this.#options.ttftMs();
  }

  get text(): AsyncIterable<string> {
    return { [Symbol.asyncIterator]: () => texts(this) };
  }

  async result(): Promise<AnswerResult> {
    if (!this.#isTaken) for await (const _ of this);
    return this.#options.result;
  }

  cancel(): void {
    this.#options.stop(cancelled("the call was cancelled"));
  }

  [Symbol.asyncIterator](): AsyncIterator<AnswerEvent, undefined> {
    if (this.#isTaken) {
      throw new ChimeraClientError("FAILED_PRECONDITION", "this answer is being read already; it can be read once");
    }
    this.#isTaken = true;
    const { events } = this.#options;
    return {
      next: () => events.next(),
      return: async () => {
        this.#leave();
        return events.return();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave();
  }

  #leave(): void {
    this.#options.leave(cancelled("the answer was left before its end"));
  }
}

async function* texts(stream: AsyncIterable<AnswerEvent>): AsyncGenerator<string, void, undefined> {
  for await (const event of stream) if (event.type === "delta" && event.text !== "") yield event.text;
}
