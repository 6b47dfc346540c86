// The engine that runs llama.cpp in this process: one model, one context, N slots that are computed together in one batch.
import {
  CancelledError,
  ChimeraError,
  type Clock,
  InternalError,
  InvalidRequestError,
  type Random,
  systemClock,
  systemRandom,
  UnavailableError,
} from "@chimera/kernel";
import type { Logger } from "@chimera/lifecycle";
import type { Engine, EngineDescription, EnginePart, EngineRequest } from "../engine.ts";
import { PartBuffer } from "../part-buffer.ts";
import { resolveSampling } from "../sampling.ts";
import { drawSeed } from "./evaluate-options.ts";
import { type GenerationPlan, runGeneration } from "./generation.ts";
import { type ModelSource, resolveModel } from "./model-source.ts";
import { type LlamaSettings, type OpenedModel, openLlama } from "./open-llama.ts";
import { SequenceSlot } from "./sequence-slot.ts";
import { ServiceTime } from "./service-time.ts";
import { SlotPool } from "./slot-pool.ts";

export interface LlamaOptions extends LlamaSettings {
  /** A GGUF file or a manifest. */
  modelPath: string;
  /** Requests that may wait for a slot; one more is refused. */
  maxQueued: number;
  logger: Logger;
  clock?: Clock;
  random?: Random;
}

/** Throws ModelLoadError where the model can not be served. */
export async function createLlamaEngine(options: LlamaOptions): Promise<Engine> {
  const source = await resolveModel(options.modelPath);
  const model = await openLlama(source, options, options.logger);
  return new LlamaEngine(source, model, options);
}

class LlamaEngine implements Engine {
  readonly #source: ModelSource;
  readonly #model: OpenedModel;
  readonly #options: LlamaOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #pool: SlotPool<SequenceSlot>;
  readonly #serviceTime: ServiceTime;
  /** Aborted by dispose(); every generation listens. */
  readonly #closing = new AbortController();
  /** Bounded by slots + queue. */
  readonly #running = new Set<Promise<void>>();
  #active = 0;
  #finished = 0;
  #cancelled = 0;
  #generatedTokens = 0;

  constructor(source: ModelSource, model: OpenedModel, options: LlamaOptions) {
    this.#source = source;
    this.#model = model;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#serviceTime = new ServiceTime(options.slots);
    const slots = model.sequences.map((sequence) => new SequenceSlot(sequence));
    this.#pool = new SlotPool(slots, {
      maxQueued: options.maxQueued,
      retryAfterMs: (queued) => this.#serviceTime.waitMs(queued),
    });
  }

  describe(): EngineDescription {
    return {
      engine: "llama",
      model: this.#source.id,
      modelVersion: this.#source.sha256.slice(0, 16),
      contextTokens: this.#model.contextTokens,
      slots: this.#pool.size,
      busySlots: this.#pool.busy,
      queued: this.#pool.queued,
      maxQueued: this.#options.maxQueued,
      activeGenerations: this.#active,
      finished: this.#finished,
      cancelled: this.#cancelled,
      generatedTokens: this.#generatedTokens,
      defaultSampling: this.#source.sampling,
    };
  }

  async *generate(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EnginePart, void, undefined> {
    const arrivedMs = this.#clock.monotonicMs();
    if (this.#closing.signal.aborted) throw shuttingDown();
    if (signal.aborted) throw asCancelled(signal);
    const plan = this.#plan(request, arrivedMs);
    const reader = new AbortController();
    const ended = AbortSignal.any([signal, reader.signal, this.#closing.signal]);
    const pending = this.#pool.acquire(plan.prompt, ended);
    const buffer = new PartBuffer();
    // The reader learns of an abort at once, also while a step is still being computed.
    ended.addEventListener("abort", () => buffer.fail(asCancelled(ended)), { once: true });
    const run = this.#run({ plan, pending, buffer, signal: ended });
    this.#running.add(run);
    void run.finally(() => this.#running.delete(run));
    try {
      yield { kind: "admitted", promptTokens: plan.prompt.length };
      yield* buffer.parts();
    } finally {
      reader.abort();
      await run;
    }
  }

  async dispose(): Promise<void> {
    this.#closing.abort(shuttingDown());
    await Promise.all(this.#running);
    await this.#model.dispose();
  }

  /** Everything that can refuse the request before any work. */
  #plan(request: EngineRequest, arrivedMs: number): GenerationPlan {
    const sampling = resolveSampling(request.sampling, this.#source.sampling);
    const prompt = this.#model.encoder.encode(request.input);
    const roomTokens = this.#model.contextTokens - prompt.length;
    const wantedTokens = request.sampling.maxTokens ?? 1;
    if (wantedTokens > roomTokens) throw tooLong(request, prompt.length, this.#model.contextTokens);
    return {
      prompt,
      sampling,
      seed: sampling.seed ?? drawSeed(this.#random),
      maxTokens: Math.min(sampling.maxTokens, roomTokens),
      arrivedMs,
    };
  }

  /** Never rejects: how it went is told to the buffer and to the counters, once the slot is free again. */
  async #run({ plan, pending, buffer, signal }: Run): Promise<void> {
    try {
      const slot = await pending;
      const complete = await this.#compute(slot, plan, { buffer, signal });
      this.#finished++;
      this.#serviceTime.record(complete.timings.totalMs - complete.timings.queueMs);
      buffer.complete(complete);
    } catch (error) {
      if (signal.aborted) this.#cancelled++;
      buffer.fail(signal.aborted ? asCancelled(signal) : error);
    }
  }

  async #compute(slot: SequenceSlot, plan: GenerationPlan, { buffer, signal }: Pick<Run, "buffer" | "signal">) {
    this.#active++;
    try {
      return await runGeneration(slot, plan, {
        model: this.#model,
        clock: this.#clock,
        signal,
        buffer,
        onToken: () => this.#generatedTokens++,
      });
    } catch (error) {
      if (signal.aborted) throw error;
      this.#options.logger.error({ err: error }, "a generation failed; its slot is reset");
      await slot.reset();
      throw error instanceof ChimeraError ? error : new InternalError("the engine failed", { cause: error });
    } finally {
      this.#active--;
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

function tooLong(request: EngineRequest, promptTokens: number, contextTokens: number): InvalidRequestError {
  const { maxTokens } = request.sampling;
  if (promptTokens >= contextTokens || maxTokens === undefined) {
    const description = `has ${promptTokens} tokens, which leaves no room for an answer in a context of ${contextTokens}; shorten it`;
    return new InvalidRequestError([{ field: request.input.kind, description }]);
  }
  const room = contextTokens - promptTokens;
  const description = `is ${maxTokens}, but ${promptTokens} prompt tokens leave room for ${room} in a context of ${contextTokens}`;
  return new InvalidRequestError([{ field: "sampling.max_tokens", description }]);
}

/** Why the work ended, as an error of ours. */
function asCancelled(signal: AbortSignal): ChimeraError {
  const reason: unknown = signal.reason;
  return reason instanceof ChimeraError ? reason : new CancelledError("the request was cancelled", { cause: reason });
}

function shuttingDown(): UnavailableError {
  return new UnavailableError("this replica is shutting down");
}
