// The router's OpenTelemetry metrics: a few recordings for each request, none for a token, and nothing at all where nobody takes them.
import { CacheStatus } from "@chimera/contracts/common";
import { BoundedLabel, buckets, durationHistogram, meter, metricNames, metricsOn, names } from "@chimera/telemetry";
import type { Attributes } from "@opentelemetry/api";
import type { FinishedOutcome, MeasuredCall } from "./outcome.ts";
import type { Stats } from "./stats.ts";

/** Reasons told apart; the router has a handful. */
const MAX_REASONS = 20;
const METHOD = "chimera.router.v1.RouterService/Generate";

/** How the cache took part, in the words of spans and metrics. */
export const CACHE_STATUS_NAMES: Record<CacheStatus, string> = {
  [CacheStatus.UNSPECIFIED]: "not asked",
  [CacheStatus.HIT]: "hit",
  [CacheStatus.MISS]: "miss",
  [CacheStatus.BYPASS]: "bypass",
  [CacheStatus.STALE]: "stale",
  [CacheStatus.JOINED]: "joined",
};

/** One for each router of the process, which is one outside of tests. */
const made = new WeakMap<Stats, RouterMetrics>();

/** Undefined where nobody takes metrics. The gauges are there from the first call on. */
export function metricsOf(stats: Stats): RouterMetrics | undefined {
  if (!metricsOn()) return undefined;
  const known = made.get(stats);
  if (known) return known;
  const metrics = new RouterMetrics(stats);
  made.set(stats, metrics);
  return metrics;
}

export class RouterMetrics {
  readonly #tenants = new BoundedLabel();
  readonly #reasons = new BoundedLabel(MAX_REASONS);
  readonly #demand = counter(
    metricNames.demand,
    "{request}",
    "Requests that arrived, refused and waiting ones among them",
  );
  readonly #refused = counter(metricNames.refused, "{request}", "Requests turned away before any work");
  readonly #retries = counter(metricNames.retries, "{attempt}", "Attempts at another replica before the first token");
  readonly #hedges = counter(metricNames.hedges, "{attempt}", "Attempts made beside a slow one");
  readonly #resumptions = counter(metricNames.resumptions, "{resumption}", "Answers that another replica went on with");
  readonly #inputTokens = counter(metricNames.clientInputTokens, "{token}", "Prompt tokens of answers that ended well");
  readonly #outputTokens = counter(metricNames.clientOutputTokens, "{token}", "Tokens of answers that ended well");
  readonly #cachedTokens = counter(metricNames.clientCachedTokens, "{token}", "Prompt tokens read from a prefix cache");
  readonly #queueDuration = durationHistogram(metricNames.queueDuration, "Time in the router's queue", buckets.queue);
  readonly #callDuration = durationHistogram(metricNames.rpcServerCallDuration, "Duration of a call", buckets.rpc);
  readonly #duration = durationHistogram(
    metricNames.clientDuration,
    "Ingress to the end of an accepted request",
    buckets.duration,
  );
  readonly #timeToFirst = durationHistogram(
    metricNames.clientTimeToFirstChunk,
    "Ingress to the first non-empty delta",
    buckets.clientTimeToFirst,
  );
  readonly #timePerChunk = durationHistogram(
    metricNames.clientTimePerOutputChunk,
    "Mean time between two deltas of an answer, one value for each answer",
    buckets.perToken,
  );

  constructor(stats: Stats) {
    gauge(metricNames.inFlight, "Requests that arrived and have not ended", () => stats.inFlight);
    gauge(metricNames.queued, "Requests waiting for a replica with room", () => stats.queued);
  }

  /** Its class is not known yet: that stands in the body. */
  arrived(call: MeasuredCall): void {
    this.#demand.add(1, { [names.tenant]: this.#tenants.of(call.tenant), [names.door]: call.door });
  }

  finished(outcome: FinishedOutcome): void {
    const caller = this.#caller(outcome);
    this.#call(outcome);
    if (outcome.refusal !== "") {
      this.#refused.add(1, { ...caller, [names.routerRefusal]: this.#reasons.of(outcome.refusal) });
    }
    if (outcome.queueMs !== undefined) this.#queueDuration.record(outcome.queueMs / 1000, caller);
    this.#attempts(outcome, caller);
    if (outcome.isAccepted && outcome.refusal === "") this.#inference(outcome);
  }

  #caller({ tenant, requestClass }: Pick<FinishedOutcome, "tenant" | "requestClass">): Attributes {
    return { [names.tenant]: this.#tenants.of(tenant), [names.routerClass]: requestClass };
  }

  /** Answers of a chat or of an OpenAI client are no calls of their own. */
  #call({ door, status, turnMs }: FinishedOutcome): void {
    if (door === "chat" || door === "openai") return;
    this.#callDuration.record(turnMs / 1000, {
      [names.rpcSystem]: door === "connect" ? "connectrpc" : "grpc",
      [names.rpcMethod]: METHOD,
      [names.rpcStatusCode]: status,
      ...(isServerError(status) && { [names.errorType]: status }),
    });
  }

  #attempts({ attempts, hedges, resumptions }: FinishedOutcome, caller: Attributes): void {
    const retries = attempts - 1 - hedges - resumptions;
    if (retries > 0) this.#retries.add(retries, caller);
    if (hedges > 0) this.#hedges.add(hedges, caller);
    if (resumptions > 0) this.#resumptions.add(resumptions, caller);
  }

  #inference(outcome: FinishedOutcome): void {
    const { operation, model, tenant, requestClass, cache, status, deltas, usage } = outcome;
    const of: Attributes = {
      [names.genAiOperation]: operation,
      [names.genAiProvider]: "chimera",
      [names.genAiModel]: model,
      ...this.#caller({ tenant, requestClass }),
      [names.cacheStatus]: CACHE_STATUS_NAMES[cache.status],
    };
    this.#duration.record(outcome.turnMs / 1000, status === "OK" ? of : { ...of, [names.errorType]: status });
    if (outcome.ttftMs !== undefined) this.#timeToFirst.record(outcome.ttftMs / 1000, of);
    if (deltas > 1) this.#timePerChunk.record(outcome.streamMs / 1000 / (deltas - 1), of);
    if (!usage) return;
    this.#inputTokens.add(usage.promptTokens, of);
    this.#outputTokens.add(usage.completionTokens, of);
    this.#cachedTokens.add(usage.cachedTokens, of);
  }
}

const SERVER_ERRORS = new Set([
  "UNKNOWN",
  "DEADLINE_EXCEEDED",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
]);

/** By the RPC conventions a server is to blame for these alone. */
function isServerError(status: string): boolean {
  return SERVER_ERRORS.has(status);
}

function counter(name: string, unit: string, description: string) {
  return meter().createCounter(name, { unit, description });
}

function gauge(name: string, description: string, read: () => number): void {
  const observable = meter().createObservableUpDownCounter(name, { unit: "{request}", description });
  observable.addCallback((result) => result.observe(read()));
}
