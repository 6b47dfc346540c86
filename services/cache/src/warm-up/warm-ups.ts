// The warm-ups of this cache: one at a time, each with what it promised, and then with what it gained.
import { clone, create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type WarmGain,
  WarmPhase,
  type WarmResponse,
  WarmResponseSchema,
  type WarmUp,
  WarmUpSchema,
} from "@chimera/contracts/cache";
import { CacheWarmedSchema } from "@chimera/contracts/events";
import type { Consumption, EventBus } from "@chimera/events";
import { FailedPreconditionError, type Random } from "@chimera/kernel";
import { Measurement } from "./measurement.ts";
import type { WarmOrder } from "./order.ts";
import { Progress } from "./progress.ts";
import { WarmRun, type WarmTools } from "./run.ts";

const MAX_KEPT = 16;
const RUN_ID_DIGITS = 8;

export interface WarmUpsOptions {
  tools: Omit<WarmTools, "bus"> & { bus: Pick<EventBus, "replay" | "eventAt" | "follow" | "publish"> };
  replica: string;
  logger: { info(details: object, message: string): void; warn(details: object, message: string): void };
  /** Runs something once after a delay; returns how to cancel it. */
  after?: (delayMs: number, run: () => void) => () => void;
}

interface Kept {
  result: WarmResponse;
  startedAtMs: number;
  endedAtMs: number;
  /** Set while it is being measured. */
  measuring: { measurement: Measurement; stop(): Promise<void> } | undefined;
  gain: WarmGain | undefined;
}

export class WarmUps {
  readonly #options: WarmUpsOptions;
  readonly #after: (delayMs: number, run: () => void) => () => void;
  /** Newest first, at most MAX_KEPT. A restart of the cache loses them, and with them what was still being measured. */
  readonly #kept: Kept[] = [];
  #running: { runId: string; stop: AbortController; ended: Promise<void> } | undefined;

  constructor(options: WarmUpsOptions) {
    this.#options = options;
    this.#after = options.after ?? afterTimeout;
  }

  /**
   * Yields how far it is until it ends. Leaving the iteration, or the signal, ends it at once. Throws FailedPreconditionError while
   * another one runs.
   */
  async *warm(order: WarmOrder, signal: AbortSignal): AsyncGenerator<WarmResponse, void, undefined> {
    if (this.#running !== undefined) {
      throw new FailedPreconditionError(`warm-up ${this.#running.runId} is running: wait for its end, or cancel it`);
    }
    const { clock, random } = this.#options.tools;
    const stop = new AbortController();
    const progress = new Progress(newRunId(random));
    const both = AbortSignal.any([signal, stop.signal]);
    const work = this.#run(order, progress, both).finally(() => {
      this.#running = undefined;
      progress.end();
    });
    // What it ends with is passed on below; until the reader gets there it must not count as unhandled.
    const ended = work.catch(() => undefined);
    this.#running = { runId: progress.state.runId, stop, ended };
    try {
      yield* progress.snapshots(clock);
      await work;
    } finally {
      stop.abort(new DOMException("the caller left", "AbortError"));
      await ended;
    }
  }

  /** Newest first. */
  list(): WarmUp[] {
    return this.#kept.map((kept) => {
      const gain = kept.gain ?? kept.measuring?.measurement.gain(this.#options.tools.random);
      return create(WarmUpSchema, {
        result: kept.result,
        startedAt: timestampFromMs(kept.startedAtMs),
        endedAt: timestampFromMs(kept.endedAtMs),
        ...(gain && { gain }),
      });
    });
  }

  /** Ends a run and what is being measured, without publishing more. */
  async stop(): Promise<void> {
    this.#running?.stop.abort(new DOMException("the cache stops", "AbortError"));
    await this.#running?.ended;
    await Promise.all(this.#kept.map((kept) => kept.measuring?.stop()));
  }

  async #run(order: WarmOrder, progress: Progress, signal: AbortSignal): Promise<void> {
    const { tools, logger } = this.#options;
    const startedAtMs = tools.clock.nowMs();
    const run = new WarmRun({ order, tools, progress, signal });
    logger.info({ runId: progress.state.runId, ...order }, "warm-up starts");
    try {
      await run.run();
    } catch (error) {
      const why = signal.aborted ? signal.reason : error;
      progress.set({ phase: WarmPhase.DONE, text: `stopped: ${why instanceof Error ? why.message : String(why)}` });
      throw error;
    } finally {
      const { state } = progress;
      logger.info({ runId: state.runId, generated: state.generated, restored: state.restored }, state.text);
      if (!order.isDryRun) await this.#keep(order, run, { state, startedAtMs });
    }
  }

  async #keep(
    { measureForMs }: WarmOrder,
    run: WarmRun,
    { state, startedAtMs }: { state: WarmResponse; startedAtMs: number },
  ): Promise<void> {
    const endedAtMs = this.#options.tools.clock.nowMs();
    const result = clone(WarmResponseSchema, state);
    const kept: Kept = { result, startedAtMs, endedAtMs, measuring: undefined, gain: undefined };
    this.#kept.unshift(kept);
    await Promise.all(this.#kept.splice(MAX_KEPT).map((old) => old.measuring?.stop()));
    this.#publish(kept);
    const groups = run.result;
    if (groups.treated.length === 0) return;
    const toMs = endedAtMs + measureForMs;
    kept.measuring = await this.#measure(kept, new Measurement({ ...groups, fromMs: endedAtMs, toMs }), toMs);
  }

  async #measure(kept: Kept, measurement: Measurement, toMs: number): Promise<NonNullable<Kept["measuring"]>> {
    const { bus, clock } = this.#options.tools;
    const following: Consumption = await bus.follow({
      kinds: ["requestFinished"],
      sinceMs: kept.endedAtMs,
      handle: (event) => measurement.take(event),
    });
    const cancel = this.#after(toMs - clock.nowMs() + LATE_EVENTS_MS, () => void this.#measured(kept, measurement));
    const stop = async () => {
      cancel();
      await following.stop();
    };
    return { measurement, stop };
  }

  async #measured(kept: Kept, measurement: Measurement): Promise<void> {
    kept.gain = measurement.gain(this.#options.tools.random);
    await kept.measuring?.stop();
    kept.measuring = undefined;
    this.#publish(kept);
  }

  #publish({ result, startedAtMs, endedAtMs, gain }: Kept): void {
    const { replica, tools } = this.#options;
    const overall = gain?.overallHitGainPp;
    const message = create(CacheWarmedSchema, {
      replica,
      runId: result.runId,
      startedAt: timestampFromMs(startedAtMs),
      endedAt: timestampFromMs(endedAtMs),
      restored: result.restored,
      regenerated: result.generated,
      control: result.control,
      tokensSpent: result.tokensSpent,
      predictedHitGainPp: result.predictedHitGainPp,
      ...(overall && { hitGainPp: overall.value, hitGainLowPp: overall.low, hitGainHighPp: overall.high }),
    });
    const id = `${replica}-${result.runId}-${gain === undefined ? "ended" : "measured"}`;
    tools.bus.publish({ kind: "cacheWarmed", message }, id);
  }
}

/** A request that came in time may end later, and its event with it. */
const LATE_EVENTS_MS = 5000;

function newRunId(random: Random): string {
  return Array.from({ length: RUN_ID_DIGITS }, () => Math.floor(random() * 16).toString(16)).join("");
}

function afterTimeout(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}
