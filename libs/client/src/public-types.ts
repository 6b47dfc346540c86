// The types that both entries have.

export type {
  AcceptedEvent,
  AnswerEvent,
  AnswerResult,
  CacheOutcome,
  CompleteEvent,
  DeltaEvent,
  EngineTimings,
  Usage,
} from "./answer.ts";
export type { AnswerStream } from "./answer-stream.ts";
export type { FieldViolation, PartialAnswer, StatusCode } from "./error.ts";
export type { CallOptions, CommonOptions } from "./options.ts";
export type { AnswerOptions, CacheControl, ChatMessage, GenerateInput, Sampling } from "./request.ts";
export type { RetryOptions } from "./retry.ts";
export type { WebClient } from "./rpc/client.ts";
export type { HealthOptions, HealthStatus } from "./rpc/health.ts";
export type { WatchOptions } from "./rpc/watch-stats.ts";
export type { QuantilesMs, Rates, Stats, TrafficRow } from "./stats.ts";
