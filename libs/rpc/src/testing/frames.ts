// HTTP/2 by hand, for tests that send what no client library would.
import { connect, type Socket } from "node:net";

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

const END_STREAM = 1;
const END_HEADERS = 4;

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

export const settings = (payload: Uint8Array = Buffer.alloc(0)) => frame(FrameType.settings, 0, 0, payload);
export const ping = () => frame(FrameType.ping, 0, 0, Buffer.alloc(8));
export const reset = (streamId: number, code = 8) => frame(FrameType.reset, 0, streamId, uint32(code));
export const windowUpdate = (streamId: number, by: number) => frame(FrameType.windowUpdate, 0, streamId, uint32(by));
export const data = (streamId: number, payload: Uint8Array, { end = false } = {}) =>
  frame(FrameType.data, end ? END_STREAM : 0, streamId, payload);
export const continuation = (streamId: number, payload: Uint8Array, { last = false } = {}) =>
  frame(FrameType.continuation, last ? END_HEADERS : 0, streamId, payload);

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A whole header block in one frame, unless told that more follows. */
export function headers(
  streamId: number,
  fields: Iterable<readonly [string, string]> | Buffer,
  { end = false, more = false } = {},
): Buffer {
  const block = Buffer.isBuffer(fields) ? fields : fieldBlock(fields);
  return frame(FrameType.headers, (end ? END_STREAM : 0) | (more ? 0 : END_HEADERS), streamId, block);
}

/** HPACK, every field spelled out. */
export function fieldBlock(fields: Iterable<readonly [string, string]>): Buffer {
  return Buffer.concat([...fields].flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([integer(bytes.length, 7), bytes]);
}

/** An HPACK integer with so many bits in its first byte, the bits above it zero. */
export function integer(value: number, bits: number): Buffer {
  const most = 2 ** bits - 1;
  if (value < most) return Buffer.of(value);
  const bytes = [most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

/** The headers of a gRPC call. */
export function grpcFields(path: string, more: readonly (readonly [string, string])[] = []): [string, string][] {
  return [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "test"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ...more.map(([name, value]): [string, string] => [name, value]),
  ];
}

export interface Frame {
  type: number;
  flags: number;
  streamId: number;
  payload: Buffer;
}

/** Frames kept; an attack that makes the server say more has gone wrong. */
const MAX_FRAMES = 100_000;

/** Whether the stream of this frame is over for the server. */
export function endsStream({ type, flags }: Frame): boolean {
  const carriesEnd = type === FrameType.data || type === FrameType.headers;
  return type === FrameType.reset || (carriesEnd && (flags & END_STREAM) !== 0);
}

/** A TCP connection that sends any bytes and understands the frames that come back. */
export class FrameConnection {
  readonly received: Frame[] = [];
  readonly closed: Promise<void>;
  isClosed = false;
  readonly #socket: Socket;
  readonly #onFrame: ((frame: Frame) => void) | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #watchers: (() => void)[] = [];

  /** `onFrame` gets the frames instead of `received`. */
  constructor(port: number, { preface = true, onFrame }: { preface?: boolean; onFrame?(frame: Frame): void } = {}) {
    this.#onFrame = onFrame;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    // A server that cuts a connection while it is written to.
    this.#socket.on("error", () => undefined);
    this.#socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.closed = new Promise((resolve) =>
      this.#socket.once("close", () => {
        this.isClosed = true;
        this.#changed();
        resolve();
      }),
    );
    if (preface) this.send(PREFACE, settings());
  }

  send(...parts: readonly Buffer[]): void {
    if (!this.#socket.destroyed) this.#socket.write(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts));
  }

  /** Sends, and waits until the system has taken it or the connection is gone. */
  async flush(...parts: readonly Buffer[]): Promise<void> {
    if (this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      void this.closed.then(resolve);
      this.#socket.write(Buffer.concat(parts), () => resolve());
    });
  }

  /** The first frame that fits, which may have come already; undefined where the connection closes without it. */
  async frame(fits: (frame: Frame) => boolean): Promise<Frame | undefined> {
    for (;;) {
      const found = this.received.find(fits);
      if (found || this.isClosed) return found;
      await new Promise<void>((resolve) => void this.#watchers.push(resolve));
    }
  }

  pause(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 9) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) break;
      const [type = 0, flags = 0] = this.#rest.subarray(3, 5);
      const payload = this.#rest.subarray(9, 9 + length);
      this.#keep({ type, flags, streamId: this.#rest.readUInt32BE(5), payload });
      this.#rest = this.#rest.subarray(9 + length);
    }
    this.#changed();
  }

  #keep(frame: Frame): void {
    if (this.#onFrame) {
      this.#onFrame(frame);
      return;
    }
    if (this.received.length >= MAX_FRAMES) throw new Error(`more than ${MAX_FRAMES} frames`);
    this.received.push(frame);
  }

  #changed(): void {
    for (const each of this.#watchers.splice(0)) each();
  }
}
