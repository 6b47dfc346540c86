// Where the frames of an answer go at this door: out as server-sent events as they come, or together as one object.
import { fromBinary } from "@bufbuild/protobuf";
import { type Complete, type GenerateResponse, GenerateResponseSchema } from "@chimera/contracts/common";
import { InternalError } from "@chimera/kernel";
import { messagesIn } from "@chimera/rpc";
import type { AnswerSink } from "../path/generate.ts";
import { deltaText } from "../relay/parts.ts";
import { AnswerObjects, type Dialect, headersOf } from "./answer.ts";
import { type HttpResponse, sendJson } from "./http.ts";

export interface SinkOptions {
  response: HttpResponse;
  dialect: Dialect;
  createdS: number;
}

/** Characters of a whole answer; an answer that is longer has to be streamed. */
const MAX_WHOLE_CHARACTERS = 16 * 1024 * 1024;

/** Writes each piece of text as an event of its own, in the turn in which it came. */
export class EventStreamSink implements AnswerSink {
  readonly #options: SinkOptions & { withUsage: boolean };
  #objects: AnswerObjects | undefined;

  constructor(options: SinkOptions & { withUsage: boolean }) {
    this.#options = options;
  }

  write(frames: Buffer): boolean {
    let events = "";
    for (const message of messagesIn(frames)) {
      const text = deltaText(message);
      if (text === undefined) events += this.#other(fromBinary(GenerateResponseSchema, message).part);
      else if (text !== "" && this.#objects) events += eventOf(this.#objects.piece(text));
    }
    const { response } = this.#options;
    return events === "" || !response.writable || response.write(events);
  }

  onDrain(listener: () => void): void {
    this.#options.response.on("drain", listener);
  }

  end(): void {
    this.#options.response.end("data: [DONE]\n\n");
  }

  /** The status line is long gone; the stream says what happened and then breaks, so that no client takes it for whole. */
  fail(body: object): void {
    const { response } = this.#options;
    if (response.writable) response.write(eventOf(body), () => response.destroy());
    else response.destroy();
  }

  #other(part: GenerateResponse["part"]): string {
    const { response, dialect, createdS, withUsage } = this.#options;
    if (part.case === "accepted") {
      this.#objects = new AnswerObjects(dialect, part.value, createdS);
      response.writeHead(200, {
        ...headersOf(part.value),
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
        // Keeps a proxy in front from collecting what should flow.
        "x-accel-buffering": "no",
      });
      const opening = this.#objects.opening();
      return opening ? eventOf(opening) : "";
    }
    if (part.case !== "complete" || !this.#objects) return "";
    const closing = eventOf(this.#objects.closing(part.value));
    return withUsage ? closing + eventOf(this.#objects.usage(part.value)) : closing;
  }
}

/** Keeps the text until the end. */
export class WholeSink implements AnswerSink {
  readonly #options: SinkOptions;
  #accepted: Extract<GenerateResponse["part"], { case: "accepted" }>["value"] | undefined;
  #complete: Complete | undefined;
  /** Bounded by MAX_WHOLE_CHARACTERS. */
  #text = "";

  constructor(options: SinkOptions) {
    this.#options = options;
  }

  write(frames: Buffer): boolean {
    for (const message of messagesIn(frames)) {
      const text = deltaText(message);
      if (text === undefined) this.#take(message);
      else this.#text += text;
    }
    if (this.#text.length > MAX_WHOLE_CHARACTERS)
      throw new InternalError("the answer is too long to be sent as a whole; stream it");
    return true;
  }

  onDrain(): void {
    // Never full.
  }

  end(): void {
    const { response, dialect, createdS } = this.#options;
    if (!this.#accepted || !this.#complete) throw new InternalError("the answer has no end");
    const objects = new AnswerObjects(dialect, this.#accepted, createdS);
    sendJson(response, {
      status: 200,
      headers: headersOf(this.#accepted),
      body: objects.whole(this.#text, this.#complete),
    });
  }

  #take(message: Buffer): void {
    const { part } = fromBinary(GenerateResponseSchema, message);
    if (part.case === "accepted") this.#accepted = part.value;
    else if (part.case === "complete") this.#complete = part.value;
  }
}

function eventOf(body: object): string {
  return `data: ${JSON.stringify(body)}\n\n`;
}
