// An inference replica that computes nothing: prepared frames, straight on HTTP/2 streams, at chosen moments. So cheap that what
// stands before it is what is measured. Everything but Generate is answered by a typed server on the same port.
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { type DescribeResponseSchema, GenerateRequestSchema, InferenceService } from "@chimera/contracts/inference";
import type { Clock } from "@chimera/kernel";
import { ENVELOPE_BYTES } from "@chimera/rpc";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type Arrivals, emitPaced, PhaseWheel } from "./arrivals.ts";
import { acceptedFrame, completeFrame, deltaFrame } from "./frames.ts";

export const GENERATE_PATH = `/${InferenceService.typeName}/${InferenceService.method.generate.name}`;

const REPLICA = "fake-engine";
const MODEL = "fake";
const MODEL_VERSION = "0000000000000000";
const DEFAULT_TOKENS = 64;
/** Enough that nothing before it has a reason to hold a request back. */
const SLOTS = 4096;
const TICK_MS = 1;
/** What stands before it may cancel as much as it likes. */
const TRUSTED = { streamResetBurst: 1_000_000, streamResetRate: 100_000 };

export interface FakeEngine {
  readonly port: number;
  /** For streams that begin from now on. */
  arrive(arrivals: Arrivals): void;
  /** Generations whose stream is open. */
  readonly open: number;
  /** Deltas given to the connection so far. */
  readonly emitted: number;
}

export async function startFakeEngine(arrivals: Arrivals, clock: Clock): Promise<FakeEngine> {
  const engine = new Generations(arrivals, clock);
  const server = http2.createServer(
    { settings: { maxConcurrentStreams: SLOTS, initialWindowSize: 1 << 20 }, maxSessionMemory: 512, ...TRUSTED },
    connectNodeAdapter({ routes: (router) => void router.service(InferenceService, typedMethods) }),
  );
  // The typed server listens through one listener of node's own.
  const typed = server.listeners("stream");
  server.removeAllListeners("stream");
  server.on("stream", (stream, headers, ...rest: unknown[]) => {
    if (headers[":path"] === GENERATE_PATH) engine.begin(stream);
    else for (const listener of typed) Reflect.apply(listener, server, [stream, headers, ...rest]);
  });
  server.on("session", (session) => {
    session.setLocalWindowSize(1 << 24);
    session.on("error", () => undefined);
  });
  server.on("sessionError", () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    arrive: (next) => engine.arrive(next),
    get open() {
      return engine.open;
    },
    get emitted() {
      return engine.emitted;
    },
  };
}

const typedMethods = {
  describe: (): MessageInitShape<typeof DescribeResponseSchema> => ({
    replica: REPLICA,
    model: MODEL,
    modelVersion: MODEL_VERSION,
    engine: "simulated",
    contextTokens: 1_000_000,
    slots: SLOTS,
    maxQueued: SLOTS,
    // Drawn without a seed, so that no cache is asked.
    defaultSampling: { temperature: 1, topP: 1, maxTokens: DEFAULT_TOKENS },
  }),
};

class Generations {
  open = 0;
  emitted = 0;
  readonly #clock: Clock;
  #arrivals: Arrivals;
  #wheel: PhaseWheel<() => void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(arrivals: Arrivals, clock: Clock) {
    this.#clock = clock;
    this.#arrivals = arrivals;
  }

  arrive(arrivals: Arrivals): void {
    this.#arrivals = arrivals;
    clearInterval(this.#timer);
    this.#wheel = undefined;
  }

  begin(stream: http2.ServerHttp2Stream): void {
    const chunks: Buffer[] = [];
    this.open += 1;
    stream.on("error", () => undefined);
    stream.once("close", () => {
      this.open -= 1;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.once("end", () => {
      if (stream.closed) return;
      const request = fromBinary(GenerateRequestSchema, Buffer.concat(chunks).subarray(ENVELOPE_BYTES));
      stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
      stream.once("wantTrailers", () => {
        if (!stream.destroyed) stream.sendTrailers({ "grpc-status": "0" });
      });
      const { requestId } = request;
      stream.write(acceptedFrame({ requestId, servedBy: REPLICA, model: MODEL, modelVersion: MODEL_VERSION }));
      this.#emit(stream, request.sampling?.maxTokens || DEFAULT_TOKENS);
    });
  }

  #emit(stream: http2.ServerHttp2Stream, count: number): void {
    const arrivals = this.#arrivals;
    const emit = (seq: number) => {
      if (stream.closed || stream.destroyed) return false;
      this.emitted += 1;
      const goesOn = stream.write(deltaFrame(seq));
      if (seq === count - 1) stream.end(completeFrame(count));
      return goesOn;
    };
    if (arrivals.kind === "burst") this.#burst(stream, count, emit);
    else if (arrivals.kind === "paced") stream.once("close", emitPaced({ ...arrivals, count }, emit, this.#clock));
    else this.#onWheel({ stream, count, emit }, arrivals);
  }

  /** As fast as the other side takes them. */
  #burst(stream: http2.ServerHttp2Stream, count: number, emit: (seq: number) => boolean): void {
    let seq = 0;
    const more = () => {
      while (seq < count && emit(seq++));
      if (seq < count && !stream.closed) stream.once("drain", more);
    };
    more();
  }

  #onWheel(
    { stream, count, emit }: { stream: http2.ServerHttp2Stream; count: number; emit(seq: number): boolean },
    { kind, everyMs }: { kind: "step" | "jitter"; everyMs: number },
  ): void {
    this.#wheel ??= this.#startWheel(everyMs, kind === "jitter");
    let seq = 0;
    const leave = this.#wheel.add(() => {
      emit(seq++);
      if (seq === count) leave();
    });
    stream.once("close", leave);
  }

  #startWheel(everyMs: number, spread: boolean): PhaseWheel<() => void> {
    const wheel = new PhaseWheel<() => void>(everyMs, { spread, nowMs: this.#clock.monotonicMs() });
    this.#timer = setInterval(() => {
      for (const emit of wheel.turnTo(this.#clock.monotonicMs())) emit();
    }, TICK_MS);
    return wheel;
  }
}
