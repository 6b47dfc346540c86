// Several routers in one process, around one cache's real lease table and an engine whose every frame the test decides. No sockets
// and no time: what takes time in a mesh takes a few turns of the event loop here, as many as the seed says.
import { setImmediate as nextTurn } from "node:timers/promises";
import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { StoredAnswerSchema } from "@chimera/contracts/cache";
import { GenerateRequestSchema as EngineRequestSchema } from "@chimera/contracts/inference";
import { type GenerateRequest, GenerateRequestSchema } from "@chimera/contracts/router";
import type { ChimeraEvent } from "@chimera/events";
import { CancelledError, type ChimeraError, NotFoundError, type Random, UnavailableError } from "@chimera/kernel";
import type { RawCall } from "@chimera/rpc";
import { LeaseTable } from "../../services/cache/src/flights/lease-table.ts";
import type { Context } from "../../services/router/src/context.ts";
import { openOutcome } from "../../services/router/src/measure/outcome.ts";
import { RecentQuantile } from "../../services/router/src/measure/recent-quantile.ts";
import { Stats } from "../../services/router/src/measure/stats.ts";
import { HandClock } from "../../services/router/src/measure/testing/hand-clock.ts";
import type { CacheDoor, StoreOptions } from "../../services/router/src/path/cache-door.ts";
import type { IncomingCall } from "../../services/router/src/path/call.ts";
import { Flights } from "../../services/router/src/path/flights.ts";
import { generate } from "../../services/router/src/path/generate.ts";
import { Refreshes } from "../../services/router/src/path/refreshes.ts";
import { Peers } from "../../services/router/src/relay/peers.ts";
import type { Relay, RelayReader } from "../../services/router/src/relay/relay.ts";
import { followRaw } from "../../services/router/src/rpc/follow-raw.ts";
import { LiveSettings } from "../../services/router/src/settings/live-settings.ts";
import { acceptedFrame, completeFrame, deltaFrame, partsIn } from "../../services/router/src/testing/frames.ts";

/** One generation, as the engine sees it. */
export class EngineStream {
  readonly #reader: RelayReader;
  readonly #length: number;
  #sent = -1;
  /** Where it began, for one that goes on with an answer. */
  readonly fromSeq: number;
  isCancelled = false;
  hasEnded = false;

  constructor(reader: RelayReader, length: number, fromSeq: number) {
    this.#reader = reader;
    this.#length = length;
    this.fromSeq = fromSeq;
  }

  get isLive(): boolean {
    return !this.isCancelled && !this.hasEnded;
  }

  /** The next part. */
  step(): void {
    if (!this.isLive) return;
    const seq = this.fromSeq + this.#sent;
    this.#sent += 1;
    if (this.#sent === 0) this.#reader.frames(acceptedFrame("engine"));
    else if (seq < this.#length) this.#reader.frames(deltaFrame(seq));
    else {
      this.hasEnded = true;
      this.#reader.frames(completeFrame(this.#length));
      this.#reader.end(undefined);
    }
  }

  cancel(): void {
    this.isCancelled = true;
  }
}

/** What a request says other than the usual. */
type Asked = Exclude<MessageInitShape<typeof GenerateRequestSchema>, GenerateRequest>;

/** What a caller got. */
export class Caller {
  readonly controller = new AbortController();
  readonly frames: Buffer[] = [];
  outcome: "ok" | ChimeraError | undefined;

  get parts() {
    return partsIn(Buffer.concat(this.frames));
  }

  /** The sequence numbers of its deltas. */
  get seqs(): number[] {
    return this.parts.flatMap((part) => (part.case === "delta" ? [part.value.seq] : []));
  }

  get isWhole(): boolean {
    const cases = this.parts.map((part) => part.case);
    return cases[0] === "accepted" && cases.at(-1) === "complete" && cases.lastIndexOf("accepted") === 0;
  }

  get cache() {
    const [first] = this.parts;
    return first?.case === "accepted" ? first.value.cache : undefined;
  }
}

export interface FakeRouter {
  readonly url: string;
  readonly context: Context;
  readonly events: ChimeraEvent[];
  /** At once and without a word: its callers are gone, what others read from it breaks off, the cache hears nothing. */
  die(): void;
  ask(request?: Asked, tenant?: string): Caller;
}

export interface FakeMesh {
  readonly clock: HandClock;
  readonly leases: LeaseTable;
  /** By encoded key input. */
  readonly stored: Map<string, Uint8Array>;
  readonly streams: EngineStream[];
  readonly routers: readonly FakeRouter[];
  /** How answers were to be kept. */
  readonly stores: StoreOptions[];
  /** Lets everything happen that is on its way. */
  settle(): Promise<void>;
}

export interface FakeMeshOptions {
  routers: number;
  random: Random;
  /** Tokens of every answer. */
  length?: number;
  config?: Partial<Context["config"]>;
  /** Answers that are stored are past their time. */
  isStale?: () => boolean;
}

export function fakeMesh(options: FakeMeshOptions): FakeMesh {
  const { random, length = 5 } = options;
  const clock = new HandClock();
  const leases = new LeaseTable({ clock });
  const stored = new Map<string, Uint8Array>();
  const streams: EngineStream[] = [];
  const stores: StoreOptions[] = [];
  let onItsWay = 0;
  const delay = async () => {
    onItsWay += 1;
    for (let turns = Math.floor(random() * 4); turns > 0; turns--) await nextTurn();
    onItsWay -= 1;
  };
  const cache: CacheDoor = {
    async lookup(input, { signal, flight }) {
      const told = { answer: undefined, keyPrefix: "ab", isStale: false, running: undefined };
      await delay();
      const key = keyOf(input);
      const answer = stored.get(key);
      const running = answer || !flight ? undefined : leases.take(key, flight);
      await delay();
      if (signal.aborted) return { ...told, reason: "the caller left" };
      if (!answer) return { ...told, reason: "not stored", running };
      return { ...told, answer, reason: "stored 1 s ago", isStale: options.isStale?.() ?? false };
    },
    async store(input, answer, how) {
      stores.push(how);
      await delay();
      fromBinary(StoredAnswerSchema, answer);
      stored.set(keyOf(input), answer);
      leases.stored(keyOf(input));
      await delay();
    },
    async endFlight(id) {
      await delay();
      leases.end(id);
    },
  };
  const engine: Relay = {
    open(request, _options, reader) {
      const stream = new EngineStream(reader, length, fromBinary(EngineRequestSchema, request).resume?.nextSeq ?? 0);
      streams.push(stream);
      return { resume: () => undefined, cancel: () => stream.cancel() };
    },
    close: () => undefined,
  };
  const routers: Router[] = [];
  const peer = (url: string) => peerRelay(() => routers.find((each) => each.url === url), delay);
  for (let i = 0; i < options.routers; i++) routers.push(new Router(i, { clock, cache, engine, peer, ...options }));
  return {
    ...{ clock, leases, stored, streams, routers, stores },
    async settle() {
      // More turns than anything here takes once nothing is on its way.
      for (let quiet = 0; quiet < 12; quiet = onItsWay > 0 ? 0 : quiet + 1) await nextTurn();
    },
  };
}

interface RouterParts extends FakeMeshOptions {
  clock: HandClock;
  cache: CacheDoor;
  engine: Relay;
  peer(url: string): Relay;
}

class Router implements FakeRouter {
  readonly url: string;
  readonly context: Context;
  readonly events: ChimeraEvent[] = [];
  /** Aborted when it dies. */
  readonly life = new AbortController();

  constructor(place: number, { clock, cache, engine, peer, config }: RouterParts) {
    this.url = `http://router-${place}`;
    const peers = new Peers({ open: peer });
    peers.url = this.url;
    const model = { id: "m", version: "v1", defaultSampling: undefined, contextTokens: 1024 };
    const fake = {
      config: {
        ...{ name: "r", requestTimeoutS: 120, resume: true, resumeWaitMs: 15_000, hedgeQuantile: 0 },
        ...{ flightWaitMs: 1_000_000, logPrompts: [], ...config },
      },
      clock,
      logger: { warn: () => undefined },
      admission: { gate: () => pass() },
      cache: {
        lookup: cache.lookup,
        store: async (...what) => (this.life.signal.aborted ? undefined : cache.store(...what)),
        endFlight: async (id) => (this.life.signal.aborted ? undefined : cache.endFlight(id)),
      } satisfies CacheDoor,
      replicas: { model: () => model, serves: () => true, reserve: () => reservation(engine) },
      settings: new LiveSettings(),
      retryBudget: { request: () => undefined, tryRetry: () => true },
      flights: new Flights(),
      peers,
      refreshes: new Refreshes(),
      ttfts: new RecentQuantile(),
      events: { publish: (event: ChimeraEvent) => void this.events.push(event) },
      stats: new Stats(clock),
      newId: () => "id",
      draining: () => this.life.signal,
    };
    this.context = fake as unknown as Context;
  }

  die(): void {
    this.life.abort(new UnavailableError("the router died"));
  }

  ask(request: Asked = {}, tenant = "acme"): Caller {
    const caller = new Caller();
    const { context } = this;
    const { signal } = caller.controller;
    const arrivedAtMs = context.clock.monotonicMs();
    const outcome = openOutcome(context, { tenant, workload: "", door: "grpc", signal, arrivedAtMs });
    const call: IncomingCall = {
      ...{ tenant, workload: "", door: "grpc", signal, timeoutMs: undefined, arrivedAtMs },
      ...{ pass: pass(), outcome },
    };
    const sink = { write: (frames: Buffer) => caller.frames.push(frames) > 0, onDrain: () => undefined };
    const asked: GenerateRequest = create(GenerateRequestSchema, {
      ...{ prompt: "the question", sampling: { temperature: 0 } },
      ...request,
    });
    this.life.signal.addEventListener("abort", () => caller.controller.abort(), { once: true });
    generate(context, call, asked, sink).then(
      () => {
        caller.outcome = "ok";
      },
      (error: ChimeraError) => {
        caller.outcome = error;
      },
    );
    return caller;
  }
}

function pass(): IncomingCall["pass"] {
  return {
    turn: async (_request, take) => {
      const value = take();
      if (value === undefined) throw new UnavailableError("no room");
      return { value, queueMs: 0 };
    },
    settle: () => undefined,
    leave: () => undefined,
  };
}

function reservation(relay: Relay) {
  return {
    replica: { name: "engine", relay },
    predictedTtftMs: undefined,
    explain: () => ({}),
    firstToken: () => undefined,
    end: () => undefined,
  };
}

/** The way to another router: its own handler, with messages that take their time. */
function peerRelay(find: () => Router | undefined, delay: () => Promise<void>): Relay {
  return {
    open(request, _options, reader) {
      const caller = new AbortController();
      void follow({ router: find(), request, reader, caller, delay });
      return { resume: () => undefined, cancel: () => caller.abort(new CancelledError("the reader left")) };
    },
    close: () => undefined,
  };
}

interface Following {
  router: Router | undefined;
  request: Uint8Array;
  reader: RelayReader;
  caller: AbortController;
  delay(): Promise<void>;
}

async function follow({ router, request, reader, caller, delay }: Following): Promise<void> {
  const isGone = () => caller.signal.aborted;
  await delay();
  if (!router || router.life.signal.aborted) {
    if (!isGone()) reader.end(new UnavailableError("nobody there"));
    return;
  }
  const call: RawCall = {
    header: () => undefined,
    signal: AbortSignal.any([caller.signal, router.life.signal]),
    timeoutMs: undefined,
    message: async () => Buffer.from(request),
    write(frames) {
      if (!isGone() && !router.life.signal.aborted) reader.frames(Buffer.from(frames));
      return true;
    },
    onDrain: () => undefined,
  };
  const end = await followRaw(router.context)
    .handle(call)
    .then(
      () => undefined,
      (error: ChimeraError) => error,
    );
  if (!isGone()) reader.end(end instanceof NotFoundError || end === undefined ? end : new UnavailableError("cut"));
}

function keyOf(input: Uint8Array): string {
  return Buffer.from(input).toString("base64");
}
