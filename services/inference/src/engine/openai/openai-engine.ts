// The engine behind which any OpenAI-compatible server answers: vLLM, SGLang, llama-server, Ollama and others.
//
// Counts come from the server: usage.completionTokens is exact where it sends usage, which all of those do. What it can tell
// only at the end is an estimate until then: the prompt tokens of the admitted part, and one token for every chunk that has
// text. Where a server sends no usage at all, the estimates are all there is; the log says so once.
import { type Clock, Deferred, InternalError, type Random, systemClock, systemRandom } from "@chimera/kernel";
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
import type { AnswerProgress } from "./answer-progress.ts";
import { continuedRequest } from "./continued-request.ts";
import { ServerSilentError } from "./failure.ts";
import { MetricsPoll, POLL_INTERVAL_MS, UNKNOWN_LOAD } from "./metrics-poll.ts";
import { type OpenedServer, type OpenServerOptions, openServer } from "./open-server.ts";
import { PromptEstimate } from "./prompt-estimate.ts";
import { planRequest, type RequestPlan } from "./request-plan.ts";
import { RequestQueue } from "./request-queue.ts";
import { withRetries } from "./retry.ts";
import { streamAnswer } from "./stream-answer.ts";
import { prefixId, WarmedPrefixes } from "./warmed-prefixes.ts";

/** Requests to one server at the same time, each a connection. */
export const MAX_OPENAI_SLOTS = 1024;
export interface OpenaiOptions extends OpenServerOptions, EngineLimits {
  metricsIntervalMs?: number;
}

/**
 * Asks the server for its models first. Throws UnavailableError where it can not be reached, FailedPreconditionError where it
 * does not serve the model or refuses the key; both name the address and the setting to change.
 */
export async function openOpenaiEngine(options: OpenaiOptions): Promise<Engine> {
  return new OpenaiEngine(await openServer(options), options);
}

class OpenaiEngine implements Engine {
  readonly #opened: OpenedServer;
  readonly #options: OpenaiOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #queue: RequestQueue;
  readonly #poll: MetricsPoll | undefined;
  readonly #listeners = new LoadListeners();
  readonly #counts = new AnswerCounts();
  readonly #prefillRate = new PrefillRate();
  readonly #estimate = new PromptEstimate();
  readonly #warmed = new WarmedPrefixes();
  /** Aborted by dispose(); every generation listens. */
  readonly #closing = new AbortController();
  /** Bounded by slots + queue. */
  readonly #running = new Set<Promise<void>>();
  #hasWarnedOfUsage = false;

  constructor(opened: OpenedServer, options: OpenaiOptions) {
    this.#opened = opened;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#queue = new RequestQueue({
      limits: resolveLimits({}, options, MAX_OPENAI_SLOTS),
      retryAfterMs: (queued, slots) => this.#counts.waitMs(queued, slots),
      onChange: () => this.#listeners.changed(),
    });
    this.#poll = this.#startPoll();
  }

  describe(): EngineDescription {
    const { slots, maxQueued } = this.#queue.limits;
    return {
      engine: "openai",
      model: this.#opened.model.id,
      modelVersion: this.#opened.model.version,
      contextTokens: this.#opened.contextTokens,
      slots,
      busySlots: this.#queue.busy,
      queued: this.#queue.queued,
      maxQueued,
      activeGenerations: this.#counts.active,
      ...this.#counts.totals,
      defaultSampling: this.#opened.defaults,
    };
  }

  /**
   * Slots are this replica's own. The server's metrics add what waits in its queue and what it computes for others; KV sizes
   * are 0 where it does not tell them. Queued tokens are an estimate.
   */
  load(): EngineLoad {
    const { running, waiting, kvUsage, kvCapacityTokens } = this.#poll?.load ?? UNKNOWN_LOAD;
    const { slots, maxQueued } = this.#queue.limits;
    return {
      slots,
      busySlots: this.#queue.busy,
      maxQueued,
      queuedRequests: this.#queue.queued + (waiting ?? 0),
      queuedUncachedTokens: this.#queue.queuedTokens,
      prefillTokensPerS: this.#prefillRate.tokensPerS,
      kvTokens: Math.round((kvUsage ?? 0) * (kvCapacityTokens ?? 0)),
      kvCapacityTokens: kvCapacityTokens ?? 0,
      warmPrefixes: this.#warmed.ids,
      activeGenerations: Math.max(this.#counts.active, running ?? 0),
    };
  }

  onLoadChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  setLimits(limits: Partial<EngineLimits>): EngineLimits {
    this.#queue.setLimits(resolveLimits(limits, this.#queue.limits, MAX_OPENAI_SLOTS));
    return this.#queue.limits;
  }

  /** There is no call for it in this API: the prefix is sent as a request for one token, and the server keeps what it keeps. */
  async warmPrefix(input: EngineInput, signal: AbortSignal): Promise<WarmedPrefix> {
    const request: EngineRequest = { input, sampling: { temperature: 0, maxTokens: 1 } };
    let warmed: WarmedPrefix | undefined;
    for await (const part of this.generate(request, signal)) {
      if (part.kind !== "complete") continue;
      const id = prefixId(this.#opened.model.version, input);
      this.#warmed.add(id);
      const { promptTokens, cachedTokens } = part.usage;
      warmed = { id, tokens: promptTokens, cachedTokens, savedBytes: 0 };
    }
    this.#listeners.changed();
    if (!warmed) throw new InternalError("the answer had no last part");
    return warmed;
  }

  async *generate(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EnginePart, void, undefined> {
    const arrivedMs = this.#clock.monotonicMs();
    if (this.#closing.signal.aborted) throw shuttingDown();
    if (signal.aborted) throw asCancelled(signal);
    const { request: outgoing, begunTokens } = continuedRequest(request, this.#opened, this.#estimate);
    const plan = planRequest(outgoing, this.#opened, this.#random);
    const promptTokens = this.#estimate.tokens(request.input);
    const reader = new AbortController();
    const ended = AbortSignal.any([signal, reader.signal, this.#closing.signal]);
    const queuedBefore = this.#queue.queued;
    const turn = this.#queue.acquire(promptTokens + begunTokens, ended);
    const isQueued = this.#queue.queued > queuedBefore;
    const run: Run = {
      plan,
      promptTokens,
      begunTokens,
      arrivedMs,
      turn,
      signal: ended,
      buffer: new PartBuffer(),
      accepted: new Deferred(),
    };
    // The reader learns of an abort at once, also while the server is still silent.
    ended.addEventListener("abort", () => fail(run, asCancelled(ended)), { once: true });
    const running = this.#run(run);
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
    try {
      // With a slot at once, not before the server has taken it: until then another replica may still serve this request.
      if (!isQueued) await run.accepted.promise;
      yield { kind: "admitted", promptTokens };
      yield* run.buffer.parts();
    } finally {
      reader.abort(READER_LEFT);
      await running;
    }
  }

  async dispose(): Promise<void> {
    this.#closing.abort(shuttingDown());
    this.#poll?.stop();
    await Promise.all(this.#running);
    await this.#opened.server.close();
  }

  /** Never rejects: how it went is told to the reader and to the counters, once the slot is free again. */
  async #run(run: Run): Promise<void> {
    const { turn, signal, buffer } = run;
    try {
      await turn;
      const complete = await this.#counts.whileActive(() => this.#serve(run));
      this.#counts.finish(complete.timings);
      buffer.complete(complete);
    } catch (error) {
      if (signal.aborted) this.#counts.cancelled++;
      fail(run, signal.aborted ? asCancelled(signal) : asOurs(error));
    }
  }

  async #serve(run: Run): Promise<CompletePart> {
    const startedMs = this.#clock.monotonicMs();
    try {
      const progress = await this.#answer(run);
      return this.#complete(run, progress, startedMs);
    } finally {
      this.#queue.release();
    }
  }

  /** Attempts until one has sent a token: from then on the answer is this one's. */
  #answer({ plan, signal, buffer, accepted }: Run): Promise<AnswerProgress> {
    let hasTokens = false;
    const { openaiFirstByteMs: firstByteMs, openaiIdleMs: idleMs, openaiRetries: retries, logger } = this.#options;
    const attempt = () =>
      streamAnswer({
        server: this.#opened.server,
        outgoing: plan.outgoing,
        request: { inputKind: plan.input.kind, contextTokens: this.#opened.contextTokens },
        firstByteMs,
        idleMs,
        signal,
        monotonicMs: () => this.#clock.monotonicMs(),
        nowMs: () => this.#clock.nowMs(),
        onAccepted: () => accepted.resolve(),
        onTokens: (tokens) => {
          hasTokens = true;
          this.#counts.generatedTokens += tokens;
        },
        onText: (text, tokens) => {
          hasTokens = true;
          return buffer.push({ kind: "delta", text, tokenCount: tokens });
        },
      });
    return withRetries(attempt, {
      retries,
      random: this.#random,
      signal,
      mayRetry: (error) => error.isRetryable && !hasTokens && !(error instanceof ServerSilentError),
      onRetry: (err, delayMs) => logger.warn({ err, delayMs }, "the model server could not answer, trying again"),
    });
  }

  #complete(
    { plan, promptTokens, begunTokens, arrivedMs }: Run,
    progress: AnswerProgress,
    startedMs: number,
  ): CompletePart {
    const { usage, finishReason = "stop" } = progress;
    const endedMs = progress.endedAtMs ?? this.#clock.monotonicMs();
    const firstTokenAtMs = progress.firstTokenAtMs ?? endedMs;
    const prefillMs = firstTokenAtMs - startedMs;
    if (usage) {
      this.#estimate.record(plan.input, usage.promptTokens);
      this.#prefillRate.record(usage.promptTokens - (usage.cachedTokens ?? 0), prefillMs);
    } else this.#warnOfUsage();
    return {
      kind: "complete",
      finishReason,
      usage: {
        promptTokens: usage ? Math.max(1, usage.promptTokens - begunTokens) : promptTokens,
        cachedTokens: usage?.cachedTokens ?? 0,
        completionTokens: begunTokens + (usage?.completionTokens ?? progress.tokenCount),
      },
      timings: {
        queueMs: startedMs - arrivedMs,
        prefillMs,
        firstTokenMs: firstTokenAtMs - arrivedMs,
        totalMs: endedMs - arrivedMs,
      },
    };
  }

  #warnOfUsage(): void {
    if (this.#hasWarnedOfUsage) return;
    this.#hasWarnedOfUsage = true;
    const message =
      "the model server sends no usage: answers count one token per chunk, and prompt tokens are estimated";
    this.#options.logger.warn({ url: this.#opened.server.shownUrl }, message);
  }

  #startPoll(): MetricsPoll | undefined {
    const { openaiMetricsUrl: wish, logger, metricsIntervalMs: intervalMs = POLL_INTERVAL_MS } = this.#options;
    if (wish === "off") return undefined;
    const isOptional = wish === "auto";
    const url = isOptional ? new URL("/metrics", this.#opened.server.baseUrl).href : wish;
    const onChange = () => this.#listeners.changed();
    return new MetricsPoll({ server: this.#opened.server, url, isOptional, intervalMs, logger, onChange });
  }
}

interface Run {
  plan: RequestPlan;
  /** Estimated, as the next. */
  promptTokens: number;
  /** Drawn and sent before this replica had the request; they are part of the prompt now. */
  begunTokens: number;
  arrivedMs: number;
  turn: Promise<void>;
  signal: AbortSignal;
  buffer: PartBuffer;
  /** The server took the request. */
  accepted: Deferred<void>;
}

function fail({ accepted, buffer }: Run, error: unknown): void {
  // Where the reader has its first part already, nobody waits here any more.
  accepted.promise.catch(() => {});
  accepted.reject(error);
  buffer.fail(error);
}
