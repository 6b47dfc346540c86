// Token streams over raw HTTP/2, as cheap as a client can be: counts messages, checks that each answer is whole, decodes nothing.
import * as http2 from "node:http2";
import type { Clock } from "@chimera/kernel";
import { OTHER_MESSAGES } from "./frames.ts";
import { MessageCounter } from "./message-counter.ts";

export interface GrpcTarget {
  port: number;
  path: string;
  /** One message with its envelope. */
  body: Uint8Array;
  /** Deltas that each answer must have. */
  tokens: number;
}

/** Reads fast, so nothing waits for its credit. */
const FAST_WINDOW_BYTES = 1 << 20;
const FAST_CONNECTION_WINDOW_BYTES = 1 << 24;

export class GrpcStreams {
  readonly #target: GrpcTarget;
  readonly #sessions: readonly http2.ClientHttp2Session[];
  readonly #clock: Clock;
  #next = 0;

  private constructor(target: GrpcTarget, sessions: readonly http2.ClientHttp2Session[], clock: Clock) {
    this.#target = target;
    this.#sessions = sessions;
    this.#clock = clock;
  }

  static async connect(target: GrpcTarget, connections: number, clock: Clock): Promise<GrpcStreams> {
    const sessions = await Promise.all(Array.from({ length: connections }, () => openSession(target.port)));
    for (const session of sessions) session.setLocalWindowSize(FAST_CONNECTION_WINDOW_BYTES);
    return new GrpcStreams(target, sessions, clock);
  }

  /** One answer; resolves with the time of its first delta. Rejects where it is not whole. */
  ask(onTokens: (count: number) => void): Promise<number> {
    const session = this.#sessions[this.#next++ % this.#sessions.length];
    if (session === undefined) throw new Error("no connection");
    return readWhole(requestOn(session, this.#target), this.#target.tokens, { clock: this.#clock, onTokens });
  }

  close(): void {
    for (const session of this.#sessions) session.destroy();
  }
}

export function openSession(port: number, initialWindowSize = FAST_WINDOW_BYTES): Promise<http2.ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(`http://127.0.0.1:${port}`, {
      settings: { initialWindowSize, enablePush: false },
      maxSessionMemory: 1024,
    });
    session.once("connect", () => resolve(session));
    session.on("error", reject);
  });
}

export function requestOn(session: http2.ClientHttp2Session, { path, body }: GrpcTarget): http2.ClientHttp2Stream {
  const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc+proto", te: "trailers" };
  const stream = session.request(headers);
  stream.end(body);
  return stream;
}

interface ReadOptions {
  clock: Clock;
  onTokens(count: number): void;
}

/** Reads from now on; resolves with the time of the first delta. */
export function readWhole(stream: http2.ClientHttp2Stream, tokens: number, { clock, onTokens }: ReadOptions) {
  const counter = new MessageCounter();
  let heard = 0;
  let firstAtMs: number | undefined;
  let status: unknown;
  let message: unknown;
  const onHeaders = (headers: http2.IncomingHttpHeaders) => {
    status ??= headers["grpc-status"];
    message ??= headers["grpc-message"];
  };
  stream.on("response", onHeaders);
  stream.on("trailers", onHeaders);
  stream.on("data", (chunk: Buffer) => {
    counter.push(chunk);
    // The first message says that the request is taken, the last that the answer is whole.
    const deltas = Math.min(Math.max(0, counter.messages - 1), tokens);
    if (deltas > 0) firstAtMs ??= clock.monotonicMs();
    onTokens(deltas - heard);
    heard = deltas;
  });
  return new Promise<number>((resolve, reject) => {
    let failure: Error | undefined;
    stream.on("error", (error) => {
      failure = error;
    });
    stream.once("close", () => {
      const isWhole = counter.messages === tokens + OTHER_MESSAGES && status === "0" && firstAtMs !== undefined;
      if (isWhole) resolve(firstAtMs ?? 0);
      else reject(failure ?? new Error(`${counter.messages} messages, status ${status} ${message ?? ""}`));
    });
  });
}
