// The engine that runs llama.cpp in this process: one model, one context, N slots that are computed together in one batch.
import { type Clock, type Random, systemClock, systemRandom } from "@chimera/kernel";
import type { Logger } from "@chimera/lifecycle";
import { AnswerCounts } from "../answer-counts.ts";
import { asCancelled, asOurs, READER_LEFT, shuttingDown } from "../ending.ts";
import type {
  CompletePart,
  Engine,
  EngineDescription,
  EngineInput,
  EngineLimits,
  EngineLoad,
  EnginePart,
  EngineRequest,
  WarmedPrefix,
} from "../engine.ts";
import { resolveLimits } from "../limits.ts";
import { LoadListeners } from "../load-listeners.ts";
import { PartBuffer } from "../part-buffer.ts";
import { PrefillRate } from "../prefill-rate.ts";
import { runGeneration } from "./generation.ts";
import { type GenerationPlan, noRoom, planGeneration } from "./generation-plan.ts";
import { KeptStates, type StateSettings } from "./kept-states.ts";
import { type ModelSource, resolveModel } from "./model-source.ts";
import { type LlamaSettings, type OpenedModel, openLlama } from "./open-llama.ts";
import { SequenceSlot } from "./sequence-slot.ts";
import { SlotPool } from "./slot-pool.ts";

export interface LlamaOptions extends Omit<LlamaSettings, "maxSlots"> {
  /** A GGUF file or a manifest. */
  modelPath: string;
  /** Slots in use at first. */
  slots: number;
  /** To which setLimits() can raise them; less than `slots` means no more than `slots`. */
  maxSlots?: number;
  /** Requests that may wait for a slot; one more is refused. */
  maxQueued: number;
  /** Where states of warm prefixes are kept; undefined keeps them in slots only. */
  states?: StateSettings | undefined;
  logger: Logger;
  clock?: Clock;
  random?: Random;
}

/** Throws ModelLoadError where the model can not be served. */
export async function createLlamaEngine(options: LlamaOptions): Promise<Engine> {
  const { clock = systemClock, logger, states } = options;
  const source = await resolveModel(options.modelPath);
  const { contextTokens, threads, slots, maxSlots = slots } = options;
  const settings = { contextTokens, threads, maxSlots: Math.max(slots, maxSlots) };
  const model = await openLlama(source, settings, logger);
  const kept = await KeptStates.open({ settings: states, setup: model.stateSetup, clock, logger });
  return new LlamaEngine({ source, model, kept }, options);
}

interface Parts {
  source: ModelSource;
  model: OpenedModel;
  kept: KeptStates;
}

class LlamaEngine implements Engine {
  readonly #source: ModelSource;
  readonly #model: OpenedModel;
  readonly #kept: KeptStates;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #pool: SlotPool<SequenceSlot>;
  readonly #listeners = new LoadListeners();
  readonly #counts = new AnswerCounts();
  readonly #prefillRate = new PrefillRate();
  /** Aborted by dispose(); everything that runs listens. */
  readonly #closing = new AbortController();
  /** Bounded by slots + queue. */
  readonly #running = new Set<Promise<unknown>>();

  constructor({ source, model, kept }: Parts, options: LlamaOptions) {
    this.#source = source;
    this.#model = model;
    this.#kept = kept;
    this.#logger = options.logger;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    const slots = model.sequences.map((sequence) => new SequenceSlot(sequence));
    const { slots: inUse, maxQueued } = options;
    this.#pool = new SlotPool(slots, {
      limits: { slots: inUse, maxQueued },
      retryAfterMs: (queued) => this.#counts.waitMs(queued, this.#pool.limits.slots),
      savedPrefix: (tokens) => kept.covered(tokens),
      onChange: () => this.#listeners.changed(),
    });
  }

  describe(): EngineDescription {
    return {
      engine: "llama",
      model: this.#source.id,
      modelVersion: this.#modelVersion,
      contextTokens: this.#model.contextTokens,
      ...this.#pool.limits,
      busySlots: this.#pool.busy,
      queued: this.#pool.queued,
      activeGenerations: this.#counts.active,
      ...this.#counts.totals,
      defaultSampling: this.#source.sampling,
    };
  }

  get #modelVersion(): string {
    return this.#source.sha256.slice(0, 16);
  }

  load(): EngineLoad {
    const { usable, limits } = this.#pool;
    return {
      ...limits,
      busySlots: this.#pool.busy,
      queuedRequests: this.#pool.queued,
      queuedUncachedTokens: this.#pool.queuedUncachedTokens,
      prefillTokensPerS: this.#prefillRate.tokensPerS,
      kvTokens: usable.reduce((sum, slot) => sum + slot.heldTokens, 0),
      kvCapacityTokens: limits.slots * this.#model.contextTokens,
      warmPrefixes: this.#kept.warmIds(usable),
      activeGenerations: this.#counts.active,
    };
  }

  onLoadChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  setLimits(limits: Partial<EngineLimits>): EngineLimits {
    this.#pool.setLimits(resolveLimits(limits, this.#pool.limits, this.#model.sequences.length));
    return this.#pool.limits;
  }

  async warmPrefix(input: EngineInput, signal: AbortSignal): Promise<WarmedPrefix> {
    if (this.#closing.signal.aborted) throw shuttingDown();
    if (signal.aborted) throw asCancelled(signal);
    const prefix = this.#model.encoder.encodePrefix(input);
    const { contextTokens } = this.#model;
    if (prefix.length >= contextTokens) throw noRoom(input.kind, prefix.length, contextTokens);
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    return this.#track(
      this.#warm(prefix, ended).catch((error: unknown) => {
        throw ended.aborted ? asCancelled(ended) : error;
      }),
    );
  }

  async *generate(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EnginePart, void, undefined> {
    const arrivedMs = this.#clock.monotonicMs();
    if (this.#closing.signal.aborted) throw shuttingDown();
    if (signal.aborted) throw asCancelled(signal);
    const plan = await this.#plan(request, arrivedMs);
    const reader = new AbortController();
    const ended = AbortSignal.any([signal, reader.signal, this.#closing.signal]);
    const pending = this.#pool.acquire(plan.prefix, ended);
    const buffer = new PartBuffer();
    // The reader learns of an abort at once, also while a step is still being computed.
    ended.addEventListener("abort", () => buffer.fail(asCancelled(ended)), { once: true });
    const run = this.#track(this.#run({ plan, pending, buffer, signal: ended }));
    try {
      yield { kind: "admitted", promptTokens: plan.promptTokens };
      yield* buffer.parts();
    } finally {
      reader.abort(READER_LEFT);
      await run;
    }
  }

  async dispose(): Promise<void> {
    this.#closing.abort(shuttingDown());
    await Promise.allSettled(this.#running);
    await this.#model.dispose();
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    const done = () => this.#running.delete(work);
    work.then(done, done);
    return work;
  }

  #plan(request: EngineRequest, arrivedMs: number): Promise<GenerationPlan> {
    return planGeneration(request, {
      model: this.#model,
      modelVersion: this.#modelVersion,
      defaults: this.#source.sampling,
      random: this.#random,
      arrivedMs,
    });
  }

  /** Never rejects: how it went is told to the buffer and to the counters, once the slot is free again. */
  async #run({ plan, pending, buffer, signal }: Run): Promise<void> {
    try {
      const slot = await pending;
      const complete = await this.#generateIn(slot, plan, { buffer, signal });
      this.#counts.finish(complete.timings);
      buffer.complete(complete);
    } catch (error) {
      if (signal.aborted) this.#counts.cancelled++;
      buffer.fail(signal.aborted ? asCancelled(signal) : error);
    }
  }

  #generateIn(
    slot: SequenceSlot,
    plan: GenerationPlan,
    { buffer, signal }: Pick<Run, "buffer" | "signal">,
  ): Promise<CompletePart> {
    const compute = () =>
      runGeneration(slot, plan, {
        model: this.#model,
        clock: this.#clock,
        signal,
        buffer,
        recall: () => this.#kept.recall(slot, plan.prefix),
        onPrefill: (tokens, durationMs) => this.#prefillRate.record(tokens, durationMs),
        onToken: () => this.#counts.generatedTokens++,
      });
    return this.#counts.whileActive(() => this.#owning(slot, signal, compute));
  }

  async #warm(prefix: readonly number[], signal: AbortSignal): Promise<WarmedPrefix> {
    const slot = await this.#pool.acquire(prefix, signal);
    return this.#owning(slot, signal, () => this.#kept.warm(slot, prefix, signal));
  }

  /** Works in a slot of one's own, then gives it back. What failed without an abort leaves no state behind. */
  async #owning<T>(slot: SequenceSlot, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) throw error;
      this.#logger.error({ err: error }, "the work in a slot failed; the slot is reset");
      await slot.reset();
      throw asOurs(error);
    } finally {
      this.#pool.release(slot);
    }
  }
}

interface Run {
  plan: GenerationPlan;
  pending: Promise<SequenceSlot>;
  buffer: PartBuffer;
  signal: AbortSignal;
}
