// Keeps connections within their bounds: how many there are, how long they may take to begin, to send a request and to do
// nothing, what they may hold in memory, and how often they may break off what they began.
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2Session, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "@chimera/kernel";
import { type ConnectionLimits, limits } from "./limits.ts";
import { TokenBucket } from "./token-bucket.ts";

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR } = constants;

/** In a GOAWAY: streams that are on their way are still served. */
const LAST_STREAM_ID = 2 ** 31 - 1;
/** Longer than a round trip anywhere. */
const WARNING_MS = 1000;
/** How much later than it could a slow request is noticed. */
const SWEEP_MS = 1000;
/** Asked by whoever decides whether this process lives; must not wait behind those who flood it. */
const HEALTH_CHECK = "/grpc.health.v1.Health/Check";

export interface ConnectionGuardOptions {
  limits: ConnectionLimits;
  clock: Clock;
  maxRequestBytes: number;
  /** Paths of methods whose callers send a stream of messages. */
  streamingPaths: ReadonlySet<string>;
}

interface UnfinishedRequest {
  body: ServerHttp2Stream | IncomingMessage;
  heldBytes: number;
  startedAtMs: number;
}

interface Session {
  resets: TokenBucket;
  openStreams: number;
  /** Runs while no stream is open. */
  timer: NodeJS.Timeout;
}

export class ConnectionGuard {
  readonly #options: ConnectionGuardOptions;
  readonly #sessions = new Map<ServerHttp2Session, Session>();
  /** Sockets that have not said anything yet, oldest first. Within maxConnections, as the next one. */
  readonly #silent = new Map<Socket, NodeJS.Timeout>();
  /** Connections without a stream, longest idle first. */
  readonly #idle = new Set<ServerHttp2Session>();
  /** In the order in which they began; bounded by openStreams and maxConnections, as the next one. */
  readonly #unfinished = new Set<UnfinishedRequest>();
  /** Of methods whose callers may take their time. */
  readonly #streaming = new Set<UnfinishedRequest>();
  #sweep: NodeJS.Timeout | undefined;
  /** Requests of one HTTP/1.1 connection that are not answered yet. */
  readonly #pipelined = new WeakMap<Socket, number>();
  #connections = 0;
  #openStreams = 0;
  #unfinishedBytes = 0;

  constructor(options: ConnectionGuardOptions) {
    this.#options = options;
  }

  get connections(): number {
    return this.#connections;
  }

  get openStreams(): number {
    return this.#openStreams;
  }

  /** Of a connection that was just accepted. False: it was closed again. */
  admit(socket: Socket): boolean {
    const { maxConnections, firstByteMs } = this.#options.limits;
    if (this.#connections >= maxConnections && !this.#makeRoom()) {
      socket.destroy();
      return false;
    }
    this.#connections += 1;
    const timer = setTimeout(() => socket.destroy(), firstByteMs);
    this.#silent.set(socket, timer);
    socket.once("close", () => {
      this.#connections -= 1;
      this.begun(socket);
    });
    return true;
  }

  /** Its protocol is known; from here on its server's own time limits hold. */
  begun(socket: Socket): void {
    clearTimeout(this.#silent.get(socket));
    this.#silent.delete(socket);
  }

  session(session: ServerHttp2Session): void {
    const { clock, limits: bounds } = this.#options;
    const resets = new TokenBucket({ burst: bounds.resetBurst, perSecond: bounds.resetsPerSecond }, clock);
    // A client's first frame is its SETTINGS.
    const timer = setTimeout(() => session.destroy(), bounds.firstByteMs);
    const state: Session = { resets, openStreams: 0, timer };
    this.#sessions.set(session, state);
    session.once("remoteSettings", () => {
      if (state.openStreams === 0) this.#rest(session, state);
    });
    session.prependListener("stream", (stream: ServerHttp2Stream) => {
      // A stream that nobody serves any more breaks off unheard, which would end the process.
      stream.on("error", () => undefined);
      // It came and went before anyone could hear of it.
      if (stream.destroyed) countReset(session, state);
    });
    session.once("close", () => {
      clearTimeout(state.timer);
      this.#idle.delete(session);
      this.#sessions.delete(session);
    });
  }

  /** Before anyone else hears of it. False: it was ended here. */
  stream(stream: ServerHttp2Stream, path: string, rawHeaders: readonly string[]): boolean {
    const { session } = stream;
    const state = session && this.#sessions.get(session as ServerHttp2Session);
    if (!session || !state) return false;
    const { limits: bounds, streamingPaths } = this.#options;
    // A client that never confirms our settings is held to them all the same.
    if (headerBytes(rawHeaders) > limits.headerBytes) return refuse(stream, HTTP_HEADERS_TOO_LARGE);
    const isCrowd = this.#openStreams >= bounds.openStreams || state.openStreams >= bounds.streamsPerConnection;
    if (isCrowd && path !== HEALTH_CHECK) return refuse(stream, HTTP_UNAVAILABLE);
    this.#openStreams += 1;
    if (state.openStreams === 0) this.#wake(session as ServerHttp2Session, state);
    state.openStreams += 1;
    const unfinished = this.#watch(stream, streamingPaths.has(path));
    // Told while the bytes are still being read: a thousand resets in one packet do not get further than ten of them.
    stream.on("aborted", () => countReset(session, state));
    stream.on("close", () => {
      this.#finish(unfinished);
      this.#openStreams -= 1;
      state.openStreams -= 1;
      if (state.openStreams === 0 && !session.destroyed) this.#rest(session as ServerHttp2Session, state);
    });
    return true;
  }

  /** Before anyone else hears of a request over HTTP/1.1. False: it was ended here. */
  pipelined(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request;
    const open = (this.#pipelined.get(socket) ?? 0) + 1;
    if (open > limits.pipelinedRequests) {
      socket.destroy();
      return false;
    }
    this.#pipelined.set(socket, open);
    const unfinished = this.#watch(request, false);
    request.once("close", () => this.#finish(unfinished));
    response.once("close", () => this.#pipelined.set(socket, (this.#pipelined.get(socket) ?? 1) - 1));
    return true;
  }

  /** Measures the body of a request until it is complete, without taking part in the reading. */
  #watch(body: ServerHttp2Stream | IncomingMessage, isStreaming: boolean): UnfinishedRequest {
    const request: UnfinishedRequest = { body, heldBytes: 0, startedAtMs: this.#options.clock.monotonicMs() };
    // Headers, message and end may come in one read: then the end was pushed before anyone heard of the stream.
    if (isComplete(body)) return request;
    (isStreaming ? this.#streaming : this.#unfinished).add(request);
    this.#sweep ??= this.#startSweep();
    const push = body.push;
    body.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
      if (chunk === null) this.#finish(request);
      else this.#hold(request, chunk.length);
      return push.call(body, chunk, encoding);
    };
    return request;
  }

  #hold(request: UnfinishedRequest, bytes: number): void {
    if (!this.#unfinished.has(request) && !this.#streaming.has(request)) return;
    // Never more than one message, however many a stream brings.
    const now = Math.min(this.#options.maxRequestBytes, request.heldBytes + bytes);
    this.#unfinishedBytes += now - request.heldBytes;
    request.heldBytes = now;
    if (this.#unfinishedBytes > this.#options.limits.unfinishedRequestBytes) this.#giveUpLargest();
  }

  #finish(request: UnfinishedRequest): boolean {
    const wasHere = this.#unfinished.delete(request) || this.#streaming.delete(request);
    if (wasHere) this.#unfinishedBytes -= request.heldBytes;
    return wasHere;
  }

  /** One timer for all, as they stand in the order in which they are due: a timer of its own costs each request too much. */
  #startSweep(): NodeJS.Timeout {
    const { clock, limits: bounds } = this.#options;
    const sweep = () => {
      const dueMs = clock.monotonicMs() - bounds.requestReadMs;
      for (const request of this.#unfinished) {
        if (request.startedAtMs > dueMs) break;
        if (this.#finish(request)) giveUp(request, NGHTTP2_CANCEL);
      }
    };
    return setInterval(sweep, Math.min(SWEEP_MS, bounds.requestReadMs / 4)).unref();
  }

  #giveUpLargest(): void {
    let largest: UnfinishedRequest | undefined;
    for (const requests of [this.#unfinished, this.#streaming]) {
      for (const each of requests) if (each.heldBytes > (largest?.heldBytes ?? 0)) largest = each;
    }
    if (largest && this.#finish(largest)) giveUp(largest, NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #rest(session: ServerHttp2Session, state: Session): void {
    clearTimeout(state.timer);
    this.#idle.add(session);
    state.timer = setTimeout(() => this.#retire(session, state), this.#options.limits.idleConnectionMs);
    state.timer.unref();
  }

  #wake(session: ServerHttp2Session, state: Session): void {
    clearTimeout(state.timer);
    this.#idle.delete(session);
  }

  /**
   * Says that it is about to close, waits until the client must have heard that, then closes after the last stream. A ping would
   * tell when it has heard, but node's client answers none after the warning.
   */
  #retire(session: ServerHttp2Session, state: Session): void {
    if (session.destroyed) return;
    this.#idle.delete(session);
    session.goaway(NGHTTP2_NO_ERROR, LAST_STREAM_ID);
    state.timer = setTimeout(() => session.close(), Math.min(WARNING_MS, this.#options.limits.idleConnectionMs));
    state.timer.unref();
  }

  /** Those who never said anything first, then whoever has had nothing to say for longest. */
  #makeRoom(): boolean {
    const [silent] = this.#silent.keys();
    const [idle] = this.#idle;
    if (silent) {
      this.begun(silent);
      silent.destroy();
    } else if (idle) {
      this.#idle.delete(idle);
      idle.destroy();
    }
    return silent !== undefined || idle !== undefined;
  }
}

const HTTP_HEADERS_TOO_LARGE = 431;
/** Read as UNAVAILABLE by gRPC and Connect. */
const HTTP_UNAVAILABLE = 503;

function isComplete(body: ServerHttp2Stream | IncomingMessage): boolean {
  return "complete" in body ? body.complete : body.state.remoteClose === 1;
}

function refuse(stream: ServerHttp2Stream, status: number): false {
  if (stream.destroyed || stream.closed) return false;
  stream.respond(
    { ":status": status, ...(status === HTTP_UNAVAILABLE && { "retry-after": "1" }) },
    { endStream: true },
  );
  // Nobody reads what is still to come.
  stream.close(NGHTTP2_NO_ERROR);
  return false;
}

/** As HTTP/2 counts them: 32 bytes more for each field. */
function headerBytes(rawHeaders: readonly string[]): number {
  let bytes = rawHeaders.length * 16;
  for (const text of rawHeaders) bytes += text.length;
  return bytes;
}

function countReset(session: Http2Session, { resets }: Session): void {
  if (resets.take() || session.destroyed) return;
  session.destroy(new Error("too many streams broke off"), NGHTTP2_ENHANCE_YOUR_CALM);
}

/** `code`: what a client of HTTP/2 is told. */
function giveUp({ body }: UnfinishedRequest, code: number): void {
  if ("close" in body) body.close(code);
  else body.socket.destroy();
}
