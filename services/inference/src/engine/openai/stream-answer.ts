// One attempt to get an answer: the request out, its stream of events in, every text to the reader as it comes.
import { FailedPreconditionError, UnavailableError } from "@chimera/kernel";
import { AnswerProgress } from "./answer-progress.ts";
import { parseChunk } from "./chunk.ts";
import { EventStream } from "./event-stream.ts";
import { connectionFailure, type FailedRequest, refusalOf, streamFailureOf } from "./failure.ts";
import { boundedText, type ModelServer, type ServerResponse } from "./model-server.ts";
import type { OutgoingBody } from "./request-body.ts";
import { retryAfterMs } from "./retry-after.ts";
import { SilenceWatch } from "./silence-watch.ts";

/** What a server may still send after the last chunk, before its connection is used again. */
const MAX_DRAINED_BYTES = 16 * 1024;
const MAX_DRAIN_MS = 1_000;
const OK = 200;

export interface Attempt {
  server: ModelServer;
  outgoing: OutgoingBody;
  request: FailedRequest;
  /** Longest silence before the first token: some servers begin their stream and read the prompt then. */
  firstByteMs: number;
  idleMs: number;
  signal: AbortSignal;
  monotonicMs(): number;
  nowMs(): number;
  /** The server took the request. */
  onAccepted(): void;
  /** `tokens` more were drawn. */
  onTokens(tokens: number): void;
  /** Returns a promise where the next text is not welcome yet. */
  onText(text: string, tokens: number): Promise<void> | undefined;
}

/** Throws what failure.ts makes of a refusal or a breakdown, or the signal's reason. */
export async function streamAnswer(attempt: Attempt): Promise<AnswerProgress> {
  const watch = new SilenceWatch();
  const signal = AbortSignal.any([attempt.signal, watch.signal]);
  const connection = new AbortController();
  const close = () => connection.abort(signal.reason);
  signal.addEventListener("abort", close, { once: true });
  watch.expect(attempt.firstByteMs);
  try {
    attempt.signal.throwIfAborted();
    const { path, body } = attempt.outgoing;
    const response = await attempt.server.post(path, body, connection.signal);
    // A body that is destroyed says so with an event, which must have a listener.
    response.body.on("error", () => {});
    if (response.statusCode !== OK) throw await refused(attempt, response);
    checkType(response);
    attempt.onAccepted();
    return await new AnswerReader(attempt, response, watch).read();
  } catch (error) {
    attempt.signal.throwIfAborted();
    watch.signal.throwIfAborted();
    throw connectionFailure(error);
  } finally {
    watch.relax();
    // The reader leaves after every answer; one that ended well leaves its connection to the next.
    signal.removeEventListener("abort", close);
  }
}

/** Takes one stream from its first byte to its end, and leaves its connection either usable or closed. */
class AnswerReader {
  readonly #attempt: Attempt;
  readonly #body: ServerResponse["body"];
  readonly #watch: SilenceWatch;
  readonly #progress = new AnswerProgress();

  constructor(attempt: Attempt, { body }: ServerResponse, watch: SilenceWatch) {
    this.#attempt = attempt;
    this.#body = body;
    this.#watch = watch;
  }

  async read(): Promise<AnswerProgress> {
    const chunks: AsyncIterator<Uint8Array> = this.#body[Symbol.asyncIterator]();
    const events = new EventStream();
    try {
      for (let isOver = false; !isOver; ) {
        const bytes = await this.#next(chunks);
        isOver = bytes === undefined || (await this.#takeAll(events.push(bytes)));
      }
      if (this.#progress.finishReason === undefined) throw cutOff();
    } catch (error) {
      this.#body.destroy();
      throw error;
    }
    void drain(chunks, this.#body);
    return this.#progress;
  }

  /** Undefined at the end of the stream. A connection that breaks after the end of the answer takes nothing away. */
  async #next(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await chunks.next();
      return done ? undefined : value;
    } catch (error) {
      if (this.#progress.finishReason === undefined || this.#attempt.signal.aborted) throw error;
      return undefined;
    } finally {
      this.#watch.relax();
    }
  }

  /** Whether the answer is over. */
  async #takeAll(events: readonly string[]): Promise<boolean> {
    for (const data of events) {
      if (data === "[DONE]" || (await this.#take(data))) return true;
    }
    const { firstByteMs, idleMs } = this.#attempt;
    this.#watch.expect(this.#progress.firstTokenAtMs === undefined ? firstByteMs : idleMs);
    return false;
  }

  async #take(data: string): Promise<boolean> {
    const { server, request, monotonicMs, onTokens, onText, signal } = this.#attempt;
    const chunk = parseChunk(data);
    if (chunk.error !== undefined) throw streamFailureOf(server.withoutKey(JSON.stringify(chunk.error)), request);
    const { text, deltaTokens, newTokens } = this.#progress.accept(chunk, monotonicMs());
    if (newTokens > 0) onTokens(newTokens);
    if (text !== "") await onText(text, deltaTokens);
    signal.throwIfAborted();
    return this.#progress.isWhole;
  }
}

async function refused({ server, request, nowMs }: Attempt, { statusCode, headers, body }: ServerResponse) {
  const text = server.withoutKey(await boundedText(body));
  const status = statusCode;
  return refusalOf({ status, text, retryAfterMs: retryAfterMs(headers["retry-after"], nowMs()) }, request);
}

/** A server, or a proxy before it, that answers with something else would leave an empty answer. */
function checkType({ headers, body }: ServerResponse): void {
  const type = String(headers["content-type"] ?? "");
  if (/^text\/event-stream\b/i.test(type)) return;
  body.destroy();
  throw new FailedPreconditionError(`the model server answered with ${JSON.stringify(type)} and no event stream`);
}

function cutOff(): UnavailableError {
  return new UnavailableError("the model server ended its stream in the middle of the answer");
}

/** Reads to the end, so that the connection can serve the next request; closes it where that takes too much. */
async function drain(chunks: AsyncIterator<Uint8Array>, body: ServerResponse["body"]): Promise<void> {
  const timer = setTimeout(() => body.destroy(), MAX_DRAIN_MS);
  timer.unref();
  try {
    for (let bytes = 0; bytes <= MAX_DRAINED_BYTES; ) {
      const { done, value } = await chunks.next();
      if (done) return;
      bytes += value.length;
    }
    body.destroy();
  } catch {
    // The connection is gone, and nothing was lost with it.
  } finally {
    clearTimeout(timer);
  }
}
