// Methods that are served as bytes: straight on the HTTP/2 stream, without the message objects and adapters of a typed server.
// For token streams and for calls that every request makes.
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { CancelledError, DeadlineExceededError, InvalidRequestError } from "@chimera/kernel";
import { Code, ConnectError } from "@connectrpc/connect";
import { limits } from "../limits.ts";
import { withServerSpan } from "../tracing.ts";
import { ENVELOPE_BYTES } from "./envelope.ts";
import { parseTimeout, trailersOf } from "./metadata.ts";

export interface RawMethod {
  /** "/package.Service/Method" */
  path: string;
  /**
   * Begins when the headers are there: whatever it throws before `message()` is answered without reading the body, and without
   * response headers, which is what gRPC clients retry. Resolving ends the call well.
   */
  handle(call: RawCall): Promise<void>;
}

export interface RawCall {
  header(name: string): string | undefined;
  /** Aborted when the caller has left, its deadline has passed, or the server stops waiting. */
  readonly signal: AbortSignal;
  /** What the caller's deadline left when the call arrived. */
  readonly timeoutMs: number | undefined;
  /** The one message of the request. */
  message(): Promise<Buffer>;
  /** Whole frames. False: wait for onDrain() before the next; what is written all the same is buffered. */
  write(frames: Uint8Array): boolean;
  onDrain(listener: () => void): void;
}

const LEFT = new CancelledError("the caller left");
const CONTENT_TYPE = "application/grpc+proto";
const HEAD: readonly string[] = [":status", "200", "content-type", CONTENT_TYPE];
const WITH_TRAILERS = { waitForTrailers: true } as const;

export interface RawServerOptions {
  maxRequestBytes: number;
  onUnknownError(error: unknown): void;
}

export function serveRaw(
  { stream, headers }: { stream: ServerHttp2Stream; headers: IncomingHttpHeaders },
  method: RawMethod,
  options: RawServerOptions,
): ServedCall {
  const call = new ServedCall(stream, headers, options);
  const header = (name: string) => call.header(name);
  withServerSpan(method.path.slice(1), header, () => method.handle(call.begun())).then(
    () => call.end(),
    (error: unknown) => call.end(error),
  );
  return call;
}

export class ServedCall implements RawCall {
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #options: RawServerOptions;
  readonly #ended = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #onDrain: (() => void) | undefined;
  timeoutMs: number | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, options: RawServerOptions) {
    this.#stream = stream;
    this.#headers = headers;
    this.#options = options;
    stream.on("error", () => undefined);
    stream.once("close", () => this.#closed());
    stream.on("drain", () => this.#onDrain?.());
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Reads the deadline. Throws InvalidRequestError. */
  begun(): this {
    this.timeoutMs = parseTimeout(this.header("grpc-timeout"));
    if (this.timeoutMs === undefined) return this;
    if (this.timeoutMs > limits.deadlineMs) {
      throw new InvalidRequestError([
        { field: "grpc-timeout", description: `${this.timeoutMs} ms is beyond ${limits.deadlineMs} ms` },
      ]);
    }
    this.#timer = setTimeout(() => this.abort(new DeadlineExceededError("the deadline passed")), this.timeoutMs);
    return this;
  }

  header(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  /** Rejects where it is too large, not one message, or the caller leaves before its end. */
  message(): Promise<Buffer> {
    const stream = this.#stream;
    const chunks: Buffer[] = [];
    let bytes = 0;
    return new Promise((resolve, reject) => {
      stream.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > this.#options.maxRequestBytes + ENVELOPE_BYTES) {
          stream.removeAllListeners("data");
          reject(tooLarge(this.#options.maxRequestBytes));
        } else chunks.push(chunk);
      });
      stream.once("end", () => {
        const body = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes);
        try {
          resolve(onlyMessage(body));
        } catch (error) {
          reject(error);
        }
      });
      this.signal.addEventListener("abort", () => reject(this.signal.reason), { once: true });
    });
  }

  write(frames: Uint8Array): boolean {
    const stream = this.#stream;
    if (this.#isOver || stream.destroyed) return true;
    if (!stream.headersSent) {
      stream.respond(HEAD, WITH_TRAILERS);
    }
    return stream.write(frames);
  }

  onDrain(listener: () => void): void {
    this.#onDrain = listener;
  }

  abort(reason: unknown): void {
    if (!this.#isOver && !this.signal.aborted) this.#ended.abort(reason);
  }

  /** Sends the outcome: alone where nothing was sent yet, so that the client may try again elsewhere. */
  end(error?: unknown): void {
    clearTimeout(this.#timer);
    if (this.#isOver) return;
    this.#isOver = true;
    const stream = this.#stream;
    if (stream.destroyed) return;
    const trailers = trailersOf(error, this.#options.onUnknownError);
    if (!stream.headersSent) {
      if (error === undefined) stream.respond(HEAD, WITH_TRAILERS);
      else {
        stream.respond({ ":status": 200, "content-type": CONTENT_TYPE, ...trailers }, { endStream: true });
        // What is still on its way of the request is not wanted any more.
        stream.removeAllListeners("data");
        stream.resume();
        if (!stream.readableEnded) stream.close();
        return;
      }
    }
    stream.once("wantTrailers", () => {
      if (!stream.destroyed) stream.sendTrailers(trailers);
    });
    stream.end();
    stream.resume();
  }

  #closed(): void {
    clearTimeout(this.#timer);
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended.abort(LEFT);
    this.#onDrain?.();
  }
}

function tooLarge(maxBytes: number): ConnectError {
  return new ConnectError(`the request has more than ${maxBytes} bytes`, Code.ResourceExhausted);
}

function onlyMessage(body: Buffer): Buffer {
  const size = body.length < ENVELOPE_BYTES ? -1 : body.readUInt32BE(1);
  if (size !== body.length - ENVELOPE_BYTES) {
    throw new ConnectError("the request is not exactly one message", Code.InvalidArgument);
  }
  if (body[0] !== 0) throw new ConnectError("compressed requests are not read here", Code.Unimplemented);
  return body.subarray(ENVELOPE_BYTES);
}
