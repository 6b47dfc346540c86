// Which message travels under which subject. Everything about the shape of an event on the wire is here.
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type CacheChanged,
  CacheChangedSchema,
  type CacheInvalidated,
  CacheInvalidatedSchema,
  type CacheReviewed,
  CacheReviewedSchema,
  type CacheWarmed,
  CacheWarmedSchema,
  type LoadReported,
  LoadReportedSchema,
  type OutcomeSettled,
  OutcomeSettledSchema,
  type PredictionMade,
  PredictionMadeSchema,
  type RequestFinished,
  RequestFinishedSchema,
  type ScoreRecorded,
  ScoreRecordedSchema,
  type SettingsApplied,
  SettingsAppliedSchema,
} from "@chimera/contracts/events";

export type ChimeraEvent =
  | { kind: "requestFinished"; message: RequestFinished }
  | { kind: "cacheChanged"; message: CacheChanged }
  | { kind: "cacheInvalidated"; message: CacheInvalidated }
  | { kind: "cacheReviewed"; message: CacheReviewed }
  | { kind: "cacheWarmed"; message: CacheWarmed }
  | { kind: "scoreRecorded"; message: ScoreRecorded }
  | { kind: "loadReported"; message: LoadReported }
  | { kind: "settingsApplied"; message: SettingsApplied }
  | { kind: "predictionMade"; message: PredictionMade }
  | { kind: "outcomeSettled"; message: OutcomeSettled };

export type EventKind = ChimeraEvent["kind"];

/** `chimera.v1.<area>.<who>.<what>`: who is one token, so that a consumer can filter by it. */
const TEMPLATES: Record<EventKind, readonly [area: string, what: string]> = {
  requestFinished: ["request", "finished"],
  cacheChanged: ["cache", "changed"],
  cacheInvalidated: ["cache", "invalidated"],
  cacheReviewed: ["cache", "reviewed"],
  cacheWarmed: ["cache", "warmed"],
  scoreRecorded: ["score", "recorded"],
  loadReported: ["load", "reported"],
  settingsApplied: ["settings", "applied"],
  predictionMade: ["prediction", "made"],
  outcomeSettled: ["outcome", "settled"],
};

export const ALL_SUBJECTS = "chimera.v1.>";

/** Matches every event of one kind. */
export function subjectFilter(kind: EventKind): string {
  const [area, what] = TEMPLATES[kind];
  return `chimera.v1.${area}.*.${what}`;
}

/** The low-cardinality name of a kind, for spans: `chimera.v1.request.*.finished`. */
export const destinationName = subjectFilter;

export function subjectOf(event: ChimeraEvent): string {
  const [area, what] = TEMPLATES[event.kind];
  return `chimera.v1.${area}.${token(ownerOf(event))}.${what}`;
}

/**
 * `chimera.live.v1.<area>.<who>`: where an event is announced to whoever listens now. No subject of the stream, so that nothing
 * announced is ever stored.
 */
export function liveSubjectOf(event: ChimeraEvent): string {
  return `chimera.live.v1.${TEMPLATES[event.kind][0]}.${token(ownerOf(event))}`;
}

/** Matches every announcement of one kind. */
export function liveSubjectFilter(kind: EventKind): string {
  return `chimera.live.v1.${TEMPLATES[kind][0]}.*`;
}

function ownerOf(event: ChimeraEvent): string {
  switch (event.kind) {
    case "requestFinished":
      return event.message.tenant;
    case "cacheChanged":
    case "cacheInvalidated":
    case "cacheReviewed":
    case "cacheWarmed":
    case "loadReported":
    case "settingsApplied":
      return event.message.replica;
    case "scoreRecorded":
      return event.message.source;
    case "predictionMade":
    case "outcomeSettled":
      return event.message.predictionId;
  }
}

// Dots, spaces and wildcards have a meaning in subjects.
function token(value: string): string {
  return value.replace(/[^A-Za-z0-9_-]/g, "_") || "_";
}

export function encode(event: ChimeraEvent): Uint8Array {
  switch (event.kind) {
    case "requestFinished":
      return toBinary(RequestFinishedSchema, event.message);
    case "cacheChanged":
      return toBinary(CacheChangedSchema, event.message);
    case "cacheInvalidated":
      return toBinary(CacheInvalidatedSchema, event.message);
    case "cacheReviewed":
      return toBinary(CacheReviewedSchema, event.message);
    case "cacheWarmed":
      return toBinary(CacheWarmedSchema, event.message);
    case "scoreRecorded":
      return toBinary(ScoreRecordedSchema, event.message);
    case "loadReported":
      return toBinary(LoadReportedSchema, event.message);
    case "settingsApplied":
      return toBinary(SettingsAppliedSchema, event.message);
    case "predictionMade":
      return toBinary(PredictionMadeSchema, event.message);
    case "outcomeSettled":
      return toBinary(OutcomeSettledSchema, event.message);
  }
}

/** Throws where the bytes are no such message. */
export function decode(kind: EventKind, bytes: Uint8Array): ChimeraEvent {
  switch (kind) {
    case "requestFinished":
      return { kind, message: fromBinary(RequestFinishedSchema, bytes) };
    case "cacheChanged":
      return { kind, message: fromBinary(CacheChangedSchema, bytes) };
    case "cacheInvalidated":
      return { kind, message: fromBinary(CacheInvalidatedSchema, bytes) };
    case "cacheReviewed":
      return { kind, message: fromBinary(CacheReviewedSchema, bytes) };
    case "cacheWarmed":
      return { kind, message: fromBinary(CacheWarmedSchema, bytes) };
    case "scoreRecorded":
      return { kind, message: fromBinary(ScoreRecordedSchema, bytes) };
    case "loadReported":
      return { kind, message: fromBinary(LoadReportedSchema, bytes) };
    case "settingsApplied":
      return { kind, message: fromBinary(SettingsAppliedSchema, bytes) };
    case "predictionMade":
      return { kind, message: fromBinary(PredictionMadeSchema, bytes) };
    case "outcomeSettled":
      return { kind, message: fromBinary(OutcomeSettledSchema, bytes) };
  }
}
