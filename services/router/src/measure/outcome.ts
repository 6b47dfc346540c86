// The measurement of one request. It opens when the request arrives and closes when it has ended, however it ended, so that
// refused, cancelled and failed requests count too.
import { type CacheControl, CacheStatus, type Timings, type Usage } from "@chimera/contracts/common";
import type { Clock } from "@chimera/kernel";
import { statusName } from "@chimera/rpc";
import type { Door } from "../path/call.ts";
import type { GapSink } from "./live-row.ts";
import { metricsOf } from "./metrics.ts";
import type { Stats } from "./stats.ts";

export type RequestClass = "interactive" | "batch";

export interface FinishedOutcome {
  requestId: string;
  tenant: string;
  workload: string;
  door: Door;
  requestClass: RequestClass;
  /** As the mesh calls it once the request is accepted, before that in the caller's words. */
  model: string;
  /** "" before the request is accepted. */
  modelVersion: string;
  isAccepted: boolean;
  /** What the conventions call the operation: a conversation, or a prompt taken as it is. */
  operation: "chat" | "text_completion";
  servedBy: string;
  cache: { status: CacheStatus; reason: string };
  /** First digits of the cache key; "" where the cache was not asked. */
  cacheKey: string;
  /** The encoded key input, prompt included; set only for tenants that turned it on. */
  loggedInput: Uint8Array | undefined;
  /** How the caller wants the answer kept. */
  cacheControl: CacheControl | undefined;
  /** gRPC status name. */
  status: string;
  /** Why it was turned away before any work; "" where it was not. */
  refusal: string;
  arrivedAtEpochMs: number;
  ttftMs: number | undefined;
  turnMs: number;
  /** Undefined where the request never came to the queue. */
  queueMs: number | undefined;
  attempts: number;
  hedges: number;
  resumptions: number;
  /** Non-empty deltas. */
  deltas: number;
  /** First to last delta; 0 where there were fewer than two. */
  streamMs: number;
  usage: Usage | undefined;
  engine: Timings | undefined;
  /** Of the mesh's settings, as it arrived; 0 is the environment alone. */
  settingsVersion: number;
  /** "" where its session is in none. */
  arm: string;
}

/** What is asked, once the body is read. */
export interface Question {
  request: { requestId: string; model: string; prompt: string; cacheControl?: CacheControl | undefined };
  requestClass: RequestClass;
}

export interface Outcome {
  asked(question: Question): void;
  /** Which settings it is served under. */
  under(settings: { version: number; arm: string }): void;
  accepted(accepted: { requestId: string; model: { id: string; version: string } }): void;
  cached(decision: { status: CacheStatus; reason: string; keyPrefix?: string }): void;
  /** What is asked, for the log of requests. */
  logs(input: Uint8Array): void;
  servedBy(name: string): void;
  /** Time in the router's own queue; adds up where it waited more than once. */
  queued(queueMs: number): void;
  /** One more replica is asked, for whatever reason. */
  attempted(why?: "hedge"): void;
  /** Another replica goes on after one was lost. Counts as an attempt only where attempted() is called too. */
  resumed(): void;
  /** Turned away before any work: counts as demand and as refusal. UNAVAILABLE where fail() does not say otherwise. */
  refused(reason: string): void;
  /** `count` non-empty deltas, at least one, arrived together now. Allocates nothing after the first time. */
  deltas(count: number): void;
  completed(usage: Usage | undefined, timings: Timings | undefined): void;
  /** CANCELLED where the caller has left, unless its deadline is why. */
  fail(error: unknown): void;
  /** The reader went away without an error. Does nothing after fail() or completed(). */
  left(): void;
  readonly ttftMs: number | undefined;
  /** Exactly once. UNKNOWN where nobody said how it ended. */
  close(): FinishedOutcome;
}

export interface OutcomeContext {
  clock: Clock;
  stats: Stats;
  /** The version in force, for requests that are refused before anything else. */
  settings: { readonly version: number };
  newId(): string;
}

export interface MeasuredCall {
  tenant: string;
  workload: string;
  door: Door;
  signal: AbortSignal;
  /** Monotonic. */
  arrivedAtMs: number;
  /** Set where the body is there from the start; asked() tells later. */
  request?: Question["request"] | undefined;
  requestClass?: RequestClass;
}

export function openOutcome(context: OutcomeContext, call: MeasuredCall): Outcome {
  context.stats.arrived();
  metricsOf(context.stats)?.arrived(call);
  const outcome = new OpenOutcome(context, call);
  const { request, requestClass = "interactive" } = call;
  if (request) outcome.asked({ request, requestClass });
  return outcome;
}

class OpenOutcome implements Outcome {
  readonly #clock: Clock;
  readonly #stats: Stats;
  readonly #signal: AbortSignal;
  readonly #arrivedAtMs: number;
  readonly #finished: FinishedOutcome;
  #gaps: GapSink | undefined;
  // Numbers from the start, so that writing them allocates nothing.
  #firstDeltaAtMs = Number.NaN;
  #lastDeltaAtMs = Number.NaN;
  #deltas = 0;
  #status: string | undefined;

  constructor({ clock, stats, settings, newId }: OutcomeContext, call: MeasuredCall) {
    const { tenant, workload, door, signal, arrivedAtMs, requestClass = "interactive" } = call;
    this.#clock = clock;
    this.#stats = stats;
    this.#signal = signal;
    this.#arrivedAtMs = arrivedAtMs;
    this.#finished = {
      ...{ tenant, workload, door, requestClass },
      requestId: newId(),
      model: "",
      modelVersion: "",
      isAccepted: false,
      operation: "chat",
      servedBy: "",
      cache: { status: CacheStatus.UNSPECIFIED, reason: "" },
      cacheKey: "",
      loggedInput: undefined,
      cacheControl: undefined,
      status: "",
      refusal: "",
      arrivedAtEpochMs: Math.round(clock.nowMs() - (clock.monotonicMs() - arrivedAtMs)),
      ttftMs: undefined,
      turnMs: 0,
      queueMs: undefined,
      attempts: 0,
      hedges: 0,
      resumptions: 0,
      deltas: 0,
      streamMs: 0,
      usage: undefined,
      engine: undefined,
      settingsVersion: settings.version,
      arm: "",
    };
  }

  asked({ request, requestClass }: Question): void {
    const finished = this.#finished;
    if (request.requestId) finished.requestId = request.requestId;
    finished.model = request.model;
    finished.operation = request.prompt ? "text_completion" : "chat";
    finished.requestClass = requestClass;
    finished.cacheControl = request.cacheControl;
  }

  under({ version, arm }: { version: number; arm: string }): void {
    this.#finished.settingsVersion = version;
    this.#finished.arm = arm;
  }

  accepted({ requestId, model }: { requestId: string; model: { id: string; version: string } }): void {
    const finished = this.#finished;
    finished.requestId = requestId;
    finished.model = model.id;
    finished.modelVersion = model.version;
    finished.isAccepted = true;
  }

  cached({ status, reason, keyPrefix = "" }: { status: CacheStatus; reason: string; keyPrefix?: string }): void {
    this.#finished.cache = { status, reason };
    if (keyPrefix) this.#finished.cacheKey = keyPrefix;
  }

  logs(input: Uint8Array): void {
    this.#finished.loggedInput = input;
  }

  servedBy(name: string): void {
    this.#finished.servedBy = name;
  }

  queued(queueMs: number): void {
    this.#finished.queueMs = (this.#finished.queueMs ?? 0) + queueMs;
  }

  attempted(why?: "hedge"): void {
    this.#finished.attempts += 1;
    if (why === "hedge") this.#finished.hedges += 1;
  }

  resumed(): void {
    this.#finished.resumptions += 1;
  }

  refused(reason: string): void {
    this.#finished.refusal = reason;
    this.#status ??= "UNAVAILABLE";
  }

  deltas(count: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#gaps === undefined) {
      this.#gaps = this.#stats.gaps(this.#rowKey());
      this.#firstDeltaAtMs = nowMs;
      if (count > 1) this.#gaps.add(0, count - 1, nowMs);
    } else this.#gaps.add(nowMs - this.#lastDeltaAtMs, count, nowMs);
    this.#lastDeltaAtMs = nowMs;
    this.#deltas += count;
  }

  completed(usage: Usage | undefined, timings: Timings | undefined): void {
    this.#finished.usage = usage;
    this.#finished.engine = timings;
    this.#status ??= "OK";
  }

  fail(error: unknown): void {
    const status = statusName(error);
    if (!this.#signal.aborted || status === "DEADLINE_EXCEEDED") this.#status = status;
    // Whoever had the end of the answer before leaving has all of it.
    else if (this.#status !== "OK") this.#status = "CANCELLED";
  }

  left(): void {
    this.#status ??= "CANCELLED";
  }

  get ttftMs(): number | undefined {
    return this.#gaps === undefined ? undefined : this.#firstDeltaAtMs - this.#arrivedAtMs;
  }

  close(): FinishedOutcome {
    const finished = this.#finished;
    finished.status = this.#status ?? "UNKNOWN";
    finished.ttftMs = this.ttftMs;
    finished.turnMs = this.#clock.monotonicMs() - this.#arrivedAtMs;
    finished.deltas = this.#deltas;
    finished.streamMs = this.#deltas > 1 ? this.#lastDeltaAtMs - this.#firstDeltaAtMs : 0;
    this.#stats.ended({
      ...this.#rowKey(),
      ok: finished.status === "OK",
      failed: finished.status !== "OK" && finished.status !== "CANCELLED",
      refused: finished.refusal !== "",
      ttftMs: finished.ttftMs,
      queueMs: finished.queueMs,
      turnMs: finished.turnMs,
    });
    return finished;
  }

  /** Names that callers make up get no row: only a model that is served has one. */
  #rowKey() {
    const { model, isAccepted, tenant, cache } = this.#finished;
    return { model: isAccepted ? model : "", tenant, cacheStatus: cache.status };
  }
}
