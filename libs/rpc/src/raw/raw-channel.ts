// Calls to another service as bytes: one or a few HTTP/2 connections that come back by themselves, streams whose messages are
// never decoded on the way.
import * as http2 from "node:http2";
import { CancelledError, ChimeraError, InternalError, OverloadedError, UnavailableError } from "@chimera/kernel";
import { limits } from "../limits.ts";
import { boundStreamBuffers } from "../stream-buffers.ts";
import type { Tls } from "../tls.ts";
import { type End, startClientSpan } from "../tracing.ts";
import { ENVELOPE_BYTES, envelope, FrameCutter } from "./envelope.ts";
import { formatTimeout, outcomeOf } from "./metadata.ts";

export interface RawReader {
  /** Whole frames, in order. False pauses the stream until resume(). */
  frames(frames: Buffer): boolean;
  /** Once, after the last frames. Undefined: it ended well. */
  end(error: ChimeraError | undefined): void;
}

export interface RawStream {
  resume(): void;
  /** The other side is told to stop; the reader hears nothing more. */
  cancel(): void;
}

export interface RawCallOptions {
  signal?: AbortSignal;
  /** Passed on as the deadline of the call. */
  timeoutMs?: number;
  headers?: Readonly<Record<string, string>>;
}

export interface RawChannelOptions {
  /** Unread bytes of one stream: what a stalled reader costs here. */
  streamWindowBytes?: number;
  maxResponseBytes?: number;
  /** For https addresses: certificates other than the system knows. */
  tls?: Tls | undefined;
}

/** Each carries as many streams as the other side allows. */
const MAX_CONNECTIONS = 8;

export class RawChannel {
  readonly baseUrl: string;
  readonly #options: RawChannelOptions;
  /** Bounded by MAX_CONNECTIONS. */
  readonly #connections: Connection[] = [];
  #closed = false;

  constructor(baseUrl: string, options: RawChannelOptions = {}) {
    this.baseUrl = baseUrl;
    this.#options = options;
    boundStreamBuffers();
  }

  /** `path`: "/package.Service/Method". Never throws; what goes wrong is told to the reader, at the earliest in the next turn. */
  open(path: string, request: Uint8Array, options: RawCallOptions, reader: RawReader): RawStream {
    const span = startClientSpan(path.slice(1));
    try {
      // As a list, which node takes as it is; an object would be checked and copied.
      const headers = [":method", "POST", ":path", path, "content-type", "application/grpc+proto", "te", "trailers"];
      if (options.timeoutMs !== undefined) headers.push("grpc-timeout", formatTimeout(options.timeoutMs));
      for (const [name, value] of Object.entries(span.headers)) headers.push(name, value);
      for (const [name, value] of Object.entries(options.headers ?? {})) headers.push(name, value);
      const stream = this.#connection().request(headers);
      const maxMessageBytes = this.#options.maxResponseBytes ?? limits.responseBytes;
      return new OpenStream({ stream, reader, end: span.end, maxMessageBytes }).begin(request, options.signal);
    } catch (error) {
      const failure = error instanceof ChimeraError ? error : unreachable(this.baseUrl, error);
      span.end(failure);
      queueMicrotask(() => reader.end(failure));
      return { resume: () => undefined, cancel: () => undefined };
    }
  }

  /** One message there, one back. Rejects with a ChimeraError. */
  unary(path: string, request: Uint8Array, options: RawCallOptions = {}): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      let answer: Buffer | undefined;
      this.open(path, request, options, {
        frames(frames) {
          answer = frames;
          return true;
        },
        end(error) {
          if (error) reject(error);
          else if (answer) resolve(answer.subarray(ENVELOPE_BYTES));
          else reject(new InternalError("the answer has no message"));
        },
      });
    });
  }

  close(): void {
    this.#closed = true;
    for (const connection of [...this.#connections]) connection.destroy();
  }

  #connection(): Connection {
    if (this.#closed) throw new UnavailableError(`the channel to ${this.baseUrl} is closed`);
    const free = this.#connections.find((connection) => connection.hasRoom);
    if (free) return free;
    if (this.#connections.length >= MAX_CONNECTIONS) {
      throw new OverloadedError(`${this.baseUrl} takes no more streams of this process`, 1000);
    }
    const connection = new Connection(this.baseUrl, this.#options, () => {
      const at = this.#connections.indexOf(connection);
      if (at >= 0) this.#connections.splice(at, 1);
    });
    this.#connections.push(connection);
    return connection;
  }
}

class Connection {
  readonly #session: http2.ClientHttp2Session;
  readonly #pings: NodeJS.Timeout;
  #openStreams = 0;

  constructor(baseUrl: string, options: RawChannelOptions, onGone: () => void) {
    this.#session = http2.connect(baseUrl, {
      settings: { initialWindowSize: options.streamWindowBytes ?? limits.streamWindowBytes, enablePush: false },
      maxSessionMemory: limits.sessionMemoryMb,
      peerMaxConcurrentStreams: limits.streamsPerConnection,
      ...(baseUrl.startsWith("https:") && options.tls?.client),
    });
    this.#session.once("connect", () => this.#session.setLocalWindowSize(limits.connectionWindowBytes));
    // Streams hear of it themselves. The socket of a session that is given up while it connects fails with nobody else to hear.
    this.#session.on("error", () => undefined);
    this.#session.socket.on("error", () => undefined);
    this.#session.once("goaway", onGone);
    this.#pings = setInterval(() => this.#ping(), limits.pingIntervalMs);
    this.#pings.unref();
    this.#session.once("close", () => {
      clearInterval(this.#pings);
      onGone();
    });
  }

  get hasRoom(): boolean {
    const { closed, destroyed, remoteSettings } = this.#session;
    const most = remoteSettings?.maxConcurrentStreams ?? limits.streamsPerConnection;
    return !closed && !destroyed && this.#openStreams < Math.min(most, limits.streamsPerConnection);
  }

  request(headers: readonly string[]): http2.ClientHttp2Stream {
    const stream = this.#session.request(headers, { endStream: false });
    this.#openStreams += 1;
    stream.once("close", () => {
      this.#openStreams -= 1;
    });
    return stream;
  }

  destroy(): void {
    this.#session.destroy();
  }

  /** A peer that is frozen, or a cable that is cut, closes no connection. */
  #ping(): void {
    if (this.#openStreams === 0 || this.#session.connecting || this.#session.destroyed) return;
    const late = setTimeout(
      () => this.#session.destroy(new Error("no answer to a ping"), http2.constants.NGHTTP2_CANCEL),
      limits.pingTimeoutMs,
    );
    late.unref();
    this.#session.ping(() => clearTimeout(late));
  }
}

interface StreamParts {
  stream: http2.ClientHttp2Stream;
  reader: RawReader;
  end: End;
  maxMessageBytes: number;
}

class OpenStream implements RawStream {
  readonly #stream: http2.ClientHttp2Stream;
  readonly #reader: RawReader;
  readonly #endSpan: End;
  readonly #cutter: FrameCutter;
  #outcome: { error: ChimeraError | undefined } | undefined;
  #failure: unknown;
  #isOver = false;
  #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.#abort();

  constructor({ stream, reader, end, maxMessageBytes }: StreamParts) {
    this.#stream = stream;
    this.#reader = reader;
    this.#endSpan = end;
    this.#cutter = new FrameCutter(maxMessageBytes);
  }

  begin(request: Uint8Array, signal: AbortSignal | undefined): this {
    const stream = this.#stream;
    stream.on("response", (headers) => {
      if (headers["grpc-status"] !== undefined) this.#outcome = { error: outcomeOf(headers) };
      else if (headers[":status"] !== 200) {
        this.#outcome = { error: new UnavailableError(`the answer has HTTP status ${headers[":status"]}`) };
      }
    });
    stream.on("trailers", (headers) => {
      this.#outcome ??= { error: outcomeOf(headers) };
    });
    stream.on("data", (chunk: Buffer) => this.#data(chunk));
    stream.on("error", (error) => {
      this.#failure = error;
    });
    stream.once("end", () => {
      if (this.#outcome) this.#finish(this.#outcome.error);
    });
    stream.once("close", () => this.#closed());
    if (signal) {
      this.#signal = signal;
      signal.addEventListener("abort", this.#onAbort, { once: true });
      if (signal.aborted) this.#abort();
    }
    if (!this.#isOver) stream.end(envelope(request));
    return this;
  }

  resume(): void {
    if (!this.#isOver) this.#stream.resume();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#over(new CancelledError("the reader left"));
    this.#stream.close(http2.constants.NGHTTP2_CANCEL);
  }

  #data(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      const frames = this.#cutter.push(chunk);
      if (frames && !this.#reader.frames(frames)) this.#stream.pause();
    } catch (error) {
      this.#stream.close(http2.constants.NGHTTP2_CANCEL);
      this.#finish(error instanceof ChimeraError ? error : new InternalError("the reader failed", { cause: error }));
    }
  }

  #abort(): void {
    const reason: unknown = this.#signal?.reason;
    const error =
      reason instanceof ChimeraError ? reason : new CancelledError("the call was cancelled", { cause: reason });
    this.#stream.close(http2.constants.NGHTTP2_CANCEL);
    // Not from inside whoever aborted.
    queueMicrotask(() => this.#finish(error));
  }

  /** The connection broke, or the other side reset the stream. */
  #closed(): void {
    if (this.#outcome && !this.#failure) this.#finish(this.#outcome.error);
    else this.#finish(brokenBy(this.#failure, this.#stream.rstCode));
  }

  #finish(error: ChimeraError | undefined): void {
    if (this.#isOver) return;
    const isCut = error === undefined && this.#cutter.isMidFrame;
    const outcome = isCut ? new UnavailableError("the answer ended in the middle of a message") : error;
    this.#over(outcome);
    this.#reader.end(outcome);
  }

  #over(error: ChimeraError | undefined): void {
    this.#isOver = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#endSpan(error);
  }
}

function brokenBy(failure: unknown, code: number | undefined): UnavailableError {
  const why = failure instanceof Error ? failure.message : `the stream was reset with code ${code}`;
  return new UnavailableError(why, { cause: failure });
}

function unreachable(baseUrl: string, cause: unknown): UnavailableError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new UnavailableError(`${baseUrl} can not be reached: ${why}`, { cause });
}
