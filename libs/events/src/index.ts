// Typed events between the services.
export type { Bucket, BucketEntry, BucketOptions } from "./bucket.ts";
export { type BusLogger, type BusOptions, connectEvents, type EventBus } from "./bus.ts";
export type { ChimeraEvent, EventKind } from "./codec.ts";
export type { Consumption, EventHandler, ReceivedEvent } from "./consumption.ts";
export type { Replay } from "./history.ts";
export type { Listening } from "./live.ts";
export type { AppendLog, LogEntry } from "./log/stream-log.ts";
export { STREAM } from "./stream.ts";
export type { Task, TaskOptions } from "./work/task-loop.ts";
export {
  openWorkQueue,
  type ResultEvent,
  type RunRecordEntry,
  type StoredResult,
  type WorkQueue,
  type WorkQueueOptions,
} from "./work/work-queue.ts";
