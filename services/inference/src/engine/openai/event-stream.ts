// Bytes of a server-sent event stream as the data of its events, however the bytes are cut.
import { UnavailableError } from "@chimera/kernel";
import { createParser, type ParseError } from "eventsource-parser";

/** One event that is not finished yet. A chunk of an answer has a few hundred characters. */
export const MAX_EVENT_CHARACTERS = 1024 * 1024;

export class EventStream {
  readonly #decoder = new TextDecoder();
  readonly #parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onEvent: ({ data }) => this.#events.push(data),
    onError: (error) => this.#note(error),
  });
  /** Bounded by one chunk of the connection. */
  #events: string[] = [];
  #isOverflowing = false;

  /** Data of the events that these bytes completed. Throws UnavailableError where an event is too long. */
  push(bytes: Uint8Array): string[] {
    this.#events = [];
    this.#parser.feed(this.#decoder.decode(bytes, { stream: true }));
    if (this.#isOverflowing) {
      throw new UnavailableError(`the model server sent an event of more than ${MAX_EVENT_CHARACTERS} characters`);
    }
    return this.#events;
  }

  #note(error: ParseError): void {
    if (error.type === "max-buffer-size-exceeded") this.#isOverflowing = true;
    // Earlier llama.cpp servers report a failure on a line of its own kind: `error: {...}`.
    else if (error.type === "unknown-field" && error.field === "error") this.#events.push(`{"error":${error.value}}`);
  }
}
