// Typed events between the services.
export { type BusLogger, type BusOptions, connectEvents, type EventBus } from "./bus.ts";
export type { ChimeraEvent, EventKind } from "./codec.ts";
export type { Consumption, EventHandler, ReceivedEvent } from "./consumption.ts";
export type { Listening } from "./live.ts";
export { STREAM } from "./stream.ts";
