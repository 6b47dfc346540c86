// The engine that computes no model: requests go through a simulated GPU engine and get made-up words at its pace. For meshes
// larger than the machine at hand, and for failures that a real engine has too rarely.
import { createHash } from "node:crypto";
import {
  type Clock,
  Deferred,
  InvalidRequestError,
  OverloadedError,
  type Random,
  systemClock,
  systemRandom,
} from "@chimera/kernel";
import type { Logger } from "@chimera/lifecycle";
import { AnswerCounts } from "../answer-counts.ts";
import { begunHere } from "../begun-answer.ts";
import { asCancelled, READER_LEFT, shuttingDown } from "../ending.ts";
import type {
  BegunAnswer,
  Engine,
  EngineDescription,
  EngineInput,
  EngineLimits,
  EngineLoad,
  EnginePart,
  EngineRequest,
  Sampling,
  WarmedPrefix,
} from "../engine.ts";
import { resolveLimits } from "../limits.ts";
import { LoadListeners } from "../load-listeners.ts";
import { PrefillRate } from "../prefill-rate.ts";
import { refuseGrammar, resolveSampling } from "../sampling.ts";
import { Driver } from "./driver.ts";
import { mixSeeds } from "./fate.ts";
import { Generation, lostError } from "./generation.ts";
import { BYTES_PER_TOKEN, type PromptTokens, promptTokens } from "./prompt-tokens.ts";
import { type AnswerPlan, tokensOfAnswer } from "./pseudo-answer.ts";
import type { Job, Outcome, Sequence, SequenceListener } from "./sequence.ts";
import { parametersOf, type SimulatedSettings } from "./settings.ts";
import { StepLoop } from "./step-loop.ts";
import { systemTimers, type Timers } from "./timers.ts";
import { WarmPrefixes } from "./warm-prefixes.ts";

export interface SimulatedOptions {
  settings: SimulatedSettings;
  slots: number;
  maxQueued: number;
  /** Tokens of one request, prompt and answer; capped at what the KV memory holds. */
  contextTokens: number;
  logger: Logger;
  clock?: Clock;
  timers?: Timers;
  random?: Random;
}

/** Part of the model version: answers of another rule are other answers. */
const ANSWER_RULE = 1;
const VERSION_CHARACTERS = 16;
const NAME_PREFIX = "simulated/";

/** Resolves after the cold start. Throws InvalidRequestError for parameters that no engine can have. */
export async function openSimulatedEngine(options: SimulatedOptions): Promise<Engine> {
  const { settings, slots, maxQueued, logger, timers = systemTimers } = options;
  const parameters = parametersOf(settings, { slots, maxQueued });
  // The wait is here, before the door opens; the loop starts warm.
  const loop = new StepLoop({ ...parameters, coldStartMs: 0 }, { seed: settings.simulatedSeed });
  if (parameters.coldStartMs > 0) {
    const started = new Deferred<void>();
    timers.schedule(() => started.resolve(), parameters.coldStartMs / settings.simulatedTimeScale);
    await started.promise;
  }
  logger.warn(
    { parameters, timeScale: settings.simulatedTimeScale },
    "this engine is simulated: its answers are made up",
  );
  return new SimulatedEngine(loop, options);
}

class SimulatedEngine implements Engine {
  readonly #loop: StepLoop;
  readonly #driver: Driver;
  readonly #settings: SimulatedSettings;
  readonly #random: Random;
  readonly #model: string;
  readonly #modelVersion: string;
  readonly #contextTokens: number;
  readonly #defaultSampling: Sampling;
  readonly #counts = new AnswerCounts();
  readonly #prefillRate = new PrefillRate();
  readonly #loadListeners = new LoadListeners();
  readonly #warmPrefixes = new WarmPrefixes();
  /** Aborted by dispose(); everything that runs listens. */
  readonly #closing = new AbortController();

  constructor(loop: StepLoop, options: SimulatedOptions) {
    const { settings, clock = systemClock, timers = systemTimers } = options;
    this.#loop = loop;
    this.#settings = settings;
    this.#random = options.random ?? systemRandom;
    const name = settings.simulatedModel;
    this.#model = name.startsWith(NAME_PREFIX) ? name : `${NAME_PREFIX}${name}`;
    this.#modelVersion = createHash("sha256")
      .update(JSON.stringify([ANSWER_RULE, settings.simulatedAnswerTokens]))
      .digest("hex")
      .slice(0, VERSION_CHARACTERS);
    const { kvBlocks, kvBlockTokens } = loop.parameters;
    this.#contextTokens = Math.min(options.contextTokens, kvBlocks * kvBlockTokens);
    this.#defaultSampling = {
      temperature: 0,
      topP: 1,
      topK: 0,
      minP: 0,
      repetitionPenalty: 1,
      seed: undefined,
      maxTokens: this.#contextTokens,
      stop: [],
    };
    const onChange = () => this.#loadListeners.changed();
    this.#driver = new Driver({ loop, clock, timers, timeScale: settings.simulatedTimeScale, onChange });
  }

  describe(): EngineDescription {
    return {
      engine: "simulated",
      model: this.#model,
      modelVersion: this.#modelVersion,
      contextTokens: this.#contextTokens,
      slots: this.#loop.slots,
      busySlots: this.#loop.runningCount,
      queued: this.#loop.queuedCount,
      maxQueued: this.#loop.maxQueued,
      activeGenerations: this.#loop.runningCount,
      ...this.#counts.totals,
      defaultSampling: this.#defaultSampling,
    };
  }

  load(): EngineLoad {
    const { pool, parameters } = this.#loop;
    return {
      slots: this.#loop.slots,
      busySlots: this.#loop.runningCount,
      maxQueued: this.#loop.maxQueued,
      queuedRequests: this.#loop.queuedCount,
      queuedUncachedTokens: this.#loop.queuedUncachedTokens,
      prefillTokensPerS: this.#prefillRate.tokensPerS,
      kvTokens: pool.kept * parameters.kvBlockTokens,
      kvCapacityTokens: pool.capacity * parameters.kvBlockTokens,
      warmPrefixes: this.#warmPrefixes.listed((key) => pool.has(key)),
      activeGenerations: this.#loop.runningCount,
    };
  }

  onLoadChange(listener: () => void): () => void {
    return this.#loadListeners.add(listener);
  }

  setLimits(limits: Partial<EngineLimits>): EngineLimits {
    const { slots, maxQueued, parameters } = this.#loop;
    const resolved = resolveLimits(limits, { slots, maxQueued }, parameters.stepTokens);
    this.#driver.at((loop, nowMs) => loop.setLimits(resolved, nowMs));
    return resolved;
  }

  async warmPrefix(input: EngineInput, signal: AbortSignal): Promise<WarmedPrefix> {
    this.#checkOpen(signal);
    const prompt = promptTokens(input, this.#loop.parameters.kvBlockTokens, true);
    this.#checkFits(input, prompt, undefined);
    const { blocks } = prompt;
    const lastBlock = blocks.at(-1);
    if (lastBlock === undefined) throw tooShort(input, prompt.count, this.#loop.parameters.kvBlockTokens);
    // Only whole blocks are kept, so nothing behind them is computed.
    const tokens = blocks.length * this.#loop.parameters.kvBlockTokens;
    const cachedTokens = await this.#compute({ promptTokens: tokens, completionTokens: 0, blocks }, signal);
    const id = this.#warmPrefixes.add(lastBlock);
    this.#loadListeners.changed();
    return { id, tokens, cachedTokens, savedBytes: 0 };
  }

  async *generate(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EnginePart, void, undefined> {
    this.#checkOpen(signal);
    const begun = begunHere(request.resume, this.#modelVersion);
    const sampling = resolveSampling(request.sampling, this.#defaultSampling);
    refuseGrammar(sampling.grammar, [], "simulated");
    const prompt = promptTokens(request.input, this.#loop.parameters.kvBlockTokens);
    this.#checkFits(request.input, prompt, request.sampling.maxTokens);
    const plan = this.#answerPlan(sampling, prompt, begun);
    const tokens = tokensOfAnswer(plan);
    // What was drawn elsewhere is computed like a prompt.
    const job = {
      promptTokens: prompt.count + tokens.begun,
      completionTokens: tokens.drawn,
      blocks: prompt.blocks,
    };
    const reader = new AbortController();
    const ended = AbortSignal.any([signal, reader.signal, this.#closing.signal]);
    const generation = new Generation({
      plan,
      promptTokens: prompt.count,
      timeScale: this.#settings.simulatedTimeScale,
      onToken: (sequence) => this.#countToken(sequence),
      onComplete: (timings) => this.#counts.finish(timings),
      resume: (sequence) => this.#driver.at((loop, nowMs) => loop.resume(sequence, nowMs)),
    });
    const sequence = this.#submit(job, generation);
    this.#warmPrefixes.touch(prompt.blocks);
    const cancel = () => {
      if (sequence.state !== "ended") this.#driver.at((loop, nowMs) => loop.cancel(sequence, nowMs));
      if (sequence.outcome === "cancelled") this.#counts.cancelled++;
      generation.fail(asCancelled(ended));
    };
    ended.addEventListener("abort", cancel, { once: true });
    try {
      yield { kind: "admitted", promptTokens: prompt.count };
      yield* generation.parts(sequence);
    } finally {
      reader.abort(READER_LEFT);
    }
  }

  async dispose(): Promise<void> {
    this.#closing.abort(shuttingDown());
    this.#driver.stop();
  }

  /** A prompt without an answer; resolves with the tokens that were there before. */
  async #compute(job: Job & { blocks: readonly number[] }, signal: AbortSignal): Promise<number> {
    const { pool } = this.#loop;
    if (pool.match(job.blocks, job.blocks.length) === job.blocks.length) {
      pool.touch(job.blocks);
      return job.promptTokens;
    }
    const ended = new Deferred<Outcome>();
    const listener = { token: () => true, end: (_: Sequence, outcome: Outcome) => ended.resolve(outcome) };
    const sequence = this.#submit(job, listener);
    const leave = AbortSignal.any([signal, this.#closing.signal]);
    const cancel = () => this.#driver.at((loop, nowMs) => loop.cancel(sequence, nowMs));
    leave.addEventListener("abort", cancel, { once: true });
    const outcome = await ended.promise;
    leave.removeEventListener("abort", cancel);
    if (outcome === "cancelled") throw asCancelled(leave);
    if (outcome !== "complete") throw lostError(outcome);
    return sequence.cachedTokens;
  }

  #checkOpen(signal: AbortSignal): void {
    if (this.#closing.signal.aborted) throw shuttingDown();
    if (signal.aborted) throw asCancelled(signal);
  }

  /** Everything that can refuse a request before any work. */
  #checkFits(input: EngineInput, prompt: PromptTokens, maxTokens: number | undefined): void {
    const field = input.kind;
    if (prompt.count === 0) throw new InvalidRequestError([{ field, description: "is empty; give it text" }]);
    const room = this.#contextTokens - prompt.count;
    if (room <= 0) {
      const description = `has ${prompt.count} tokens, which leaves no room for an answer in a context of ${this.#contextTokens}; shorten it`;
      throw new InvalidRequestError([{ field, description }]);
    }
    if (maxTokens === undefined || maxTokens <= room) return;
    const description = `is ${maxTokens}, but ${prompt.count} prompt tokens leave room for ${room} in a context of ${this.#contextTokens}`;
    throw new InvalidRequestError([{ field: "sampling.max_tokens", description }]);
  }

  #answerPlan(sampling: Sampling, prompt: PromptTokens, begun: BegunAnswer | undefined): AnswerPlan {
    // Greedy answers have no chance in them.
    const chance = sampling.temperature === 0 ? 0 : 1 + (sampling.seed ?? Math.floor(this.#random() * 2 ** 32));
    return {
      seed: mixSeeds(prompt.seed, chance),
      maxTokens: Math.min(sampling.maxTokens, this.#contextTokens - prompt.count),
      meanWords: this.#settings.simulatedAnswerTokens,
      stop: sampling.stop,
      begun,
      isRepeatable: sampling.temperature === 0 || sampling.seed !== undefined,
    };
  }

  #countToken({ job, generatedTokens, cachedTokens, admittedMs, firstTokenMs }: Sequence): void {
    this.#counts.generatedTokens++;
    if (generatedTokens !== 1) return;
    const prefillMs = (firstTokenMs - admittedMs) / this.#settings.simulatedTimeScale;
    this.#prefillRate.record(job.promptTokens - cachedTokens, prefillMs);
  }

  #submit(job: Job, listener: SequenceListener): Sequence {
    const submitted = this.#driver.at((loop, nowMs) => loop.submit(job, nowMs, listener));
    if (typeof submitted !== "string") return submitted;
    const { slots, queuedCount } = this.#loop;
    const message = `all ${slots} slots are busy and ${queuedCount} requests wait`;
    throw new OverloadedError(message, this.#counts.waitMs(queuedCount, slots));
  }
}

function tooShort(input: EngineInput, tokens: number, blockTokens: number): InvalidRequestError {
  const description = `has ${tokens} tokens of ${BYTES_PER_TOKEN} bytes; only whole blocks of ${blockTokens} are kept, so give that many at least`;
  return new InvalidRequestError([{ field: input.kind, description }]);
}
