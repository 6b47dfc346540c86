// A router and its replicas in virtual time: the production pool of replicas in front of simulated engines, with load reports
// that are late as real ones are. One event loop drives them all; an hour takes seconds.
import { setImmediate as nextTurn } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { LoadReportedSchema } from "@chimera/contracts/events";
import { DescribeResponseSchema } from "@chimera/contracts/inference";
import { assert, OverloadedError, seededRandom } from "@chimera/kernel";
import { PrefillRate } from "../../../services/inference/src/engine/prefill-rate.ts";
import { mixSeeds } from "../../../services/inference/src/engine/simulated/fate.ts";
import type { SimulationParameters } from "../../../services/inference/src/engine/simulated/parameters.ts";
import type { Sequence } from "../../../services/inference/src/engine/simulated/sequence.ts";
import { StepLoop } from "../../../services/inference/src/engine/simulated/step-loop.ts";
import type { PolicyName } from "../../../services/router/src/balance/policies.ts";
import { ReplicaPool, type Reservation } from "../../../services/router/src/replica/replica-pool.ts";
import type { TraceRequest } from "./traces.ts";

const MODEL = "simulated/gpu-8b";
const REPORT_EVERY_MS = 200;
/** From a replica's saying to a router's hearing. */
const REPORT_DELAY_MS = 1;

export interface MeshOptions {
  policy: PolicyName;
  replicas: number;
  parameters: SimulationParameters;
  seed: number;
}

export interface RoutedRequest {
  /** Arrival at the router to the first token, its wait in the router included. */
  ttftMs: number;
  endedMs: number;
  promptTokens: number;
  cachedTokens: number;
  /** What the router expected when it sent it, and what it then took. */
  predictedTtftMs: number | undefined;
  servedTtftMs: number;
  replica: number;
}

interface Waiting {
  request: TraceRequest;
  index: number;
}

/** In order of the trace. */
export async function playTrace(trace: readonly TraceRequest[], options: MeshOptions): Promise<RoutedRequest[]> {
  const mesh = new SimulatedMesh(trace, options);
  return mesh.play();
}

class SimulatedMesh {
  readonly #trace: readonly TraceRequest[];
  readonly #engines: Engine[];
  readonly #pool: ReplicaPool;
  readonly #results: RoutedRequest[] = [];
  /** Bounded by the trace. */
  #queue: Waiting[] = [];
  #nowMs = 0;
  #nextTickMs = Number.POSITIVE_INFINITY;
  #tick: () => void = () => undefined;
  #left: number;

  constructor(trace: readonly TraceRequest[], { policy, replicas, parameters, seed }: MeshOptions) {
    this.#trace = trace;
    this.#left = trace.length;
    this.#engines = Array.from({ length: replicas }, (_, i) => new Engine(i, parameters, mixSeeds(seed, i)));
    const engineAt = new Map(this.#engines.map((engine) => [engine.url, engine]));
    this.#pool = new ReplicaPool({
      urls: [...engineAt.keys()],
      policy,
      random: seededRandom(mixSeeds(seed, 0x70117)),
      clock: { nowMs: () => this.#nowMs, monotonicMs: () => this.#nowMs },
      onChange: () => undefined,
      openRelay: () => ({
        open: () => {
          throw new Error("nothing is sent over a wire here");
        },
        close: () => undefined,
      }),
      openDescriber: (url) => ({
        describe: async () => engineAt.get(url)?.describe() ?? create(DescribeResponseSchema),
        close: () => undefined,
      }),
      every: (callback, periodMs) => {
        this.#nextTickMs = periodMs;
        this.#tick = () => {
          this.#nextTickMs += periodMs;
          callback();
        };
        return () => undefined;
      },
    });
  }

  async play(): Promise<RoutedRequest[]> {
    await this.#pool.start();
    let arrival = 0;
    while (this.#left > 0) {
      this.#nowMs = this.#nextEventMs(this.#trace[arrival]?.arrivedMs);
      for (const { loop } of this.#engines) loop.advanceTo(this.#nowMs, { begins: false });
      for (let request = this.#trace[arrival]; request && request.arrivedMs <= this.#nowMs; ) {
        this.#queue.push({ request, index: arrival });
        request = this.#trace[++arrival];
      }
      this.#report();
      if (this.#nextTickMs <= this.#nowMs) {
        this.#tick();
        await nextTurn();
      }
      this.#dispatch();
      for (const { loop } of this.#engines) loop.advanceTo(this.#nowMs, { begins: true });
    }
    this.#pool.close();
    return this.#results;
  }

  #nextEventMs(arrivalMs = Number.POSITIVE_INFINITY): number {
    let next = Math.min(arrivalMs, this.#nextTickMs);
    for (const { loop, nextReportMs } of this.#engines) {
      next = Math.min(next, nextReportMs, loop.wakeAtMs ?? Number.POSITIVE_INFINITY);
    }
    return next;
  }

  #report(): void {
    for (const engine of this.#engines) {
      if (engine.nextReportMs > this.#nowMs) continue;
      // Heard late: what was said a moment ago, of what was true then.
      if (engine.said) this.#pool.note(engine.said);
      engine.said = engine.said ? undefined : engine.report();
      engine.nextReportMs += engine.said ? REPORT_DELAY_MS : REPORT_EVERY_MS - REPORT_DELAY_MS;
    }
  }

  /** In order of arrival, as long as there is room. */
  #dispatch(): void {
    let taken = 0;
    for (const waiting of this.#queue) {
      const { promptTokens, prefixKeys } = waiting.request;
      const reservation = this.#pool.reserve({ model: MODEL, promptTokens, prefixKeys });
      if (reservation === undefined || !this.#send(waiting, reservation)) break;
      taken += 1;
    }
    if (taken > 0) this.#queue = this.#queue.slice(taken);
  }

  #send({ request, index }: Waiting, reservation: Reservation): boolean {
    const sentMs = this.#nowMs;
    const engine = this.#engines.find(({ url }) => url === reservation.replica.url);
    assert(engine !== undefined, "every replica of the pool is one of these");
    const sequence = engine.loop.submit(request, sentMs, {
      token: (each) => {
        if (each.generatedTokens === 1) {
          engine.computed(each);
          reservation.firstToken(this.#nowMs - sentMs);
        }
        return true;
      },
      end: (each) => {
        reservation.end("ok");
        this.#left -= 1;
        this.#results[index] = {
          ttftMs: each.firstTokenMs - request.arrivedMs,
          endedMs: each.endedMs,
          promptTokens: request.promptTokens,
          cachedTokens: each.cachedTokens,
          predictedTtftMs: reservation.predictedTtftMs,
          servedTtftMs: each.firstTokenMs - sentMs,
          replica: engine.index,
        };
      },
    });
    if (typeof sequence !== "string") return true;
    assert(sequence !== "too-long", "the trace must fit into the engines");
    reservation.end(new OverloadedError("the engine is full", 100));
    return false;
  }
}

class Engine {
  readonly index: number;
  readonly url: string;
  readonly loop: StepLoop;
  readonly #rate = new PrefillRate();
  /** On its way to the router. */
  said: ReturnType<Engine["report"]> | undefined;
  nextReportMs: number;

  constructor(index: number, parameters: SimulationParameters, seed: number) {
    this.index = index;
    this.url = `http://replica-${index}.test:1`;
    this.loop = new StepLoop(parameters, { seed });
    // Not all at the same moment.
    this.nextReportMs = (index * REPORT_EVERY_MS) / 8;
  }

  computed({ job, cachedTokens, admittedMs, firstTokenMs }: Sequence): void {
    this.#rate.record(job.promptTokens - cachedTokens, firstTokenMs - admittedMs);
  }

  describe() {
    const { slots, maxQueued, runningCount: busySlots, queuedCount: queued } = this.loop;
    const replica = `replica-${this.index}`;
    return create(DescribeResponseSchema, {
      replica,
      model: MODEL,
      modelVersion: "1",
      slots,
      maxQueued,
      busySlots,
      queued,
    });
  }

  report() {
    const { slots, maxQueued, runningCount, queuedCount, queuedUncachedTokens, pool, parameters } = this.loop;
    const { tokensPerS } = this.#rate;
    return create(LoadReportedSchema, {
      replica: `replica-${this.index}`,
      url: this.url,
      model: MODEL,
      load: {
        slots,
        maxQueued,
        busySlots: runningCount,
        queuedRequests: queuedCount,
        queuedUncachedTokens,
        kvCapacityTokens: BigInt(pool.capacity * parameters.kvBlockTokens),
        ...(tokensPerS !== undefined && { prefillTokensPerS: tokensPerS }),
      },
    });
  }
}
