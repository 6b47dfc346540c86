// Which message travels under which subject. Everything about the shape of an event on the wire is here.
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type CacheChanged,
  CacheChangedSchema,
  type RequestFinished,
  RequestFinishedSchema,
  type ScoreRecorded,
  ScoreRecordedSchema,
} from "@chimera/contracts/events";

export type ChimeraEvent =
  | { kind: "requestFinished"; message: RequestFinished }
  | { kind: "cacheChanged"; message: CacheChanged }
  | { kind: "scoreRecorded"; message: ScoreRecorded };

export type EventKind = ChimeraEvent["kind"];

/** `chimera.v1.<area>.<who>.<what>`: who is one token, so that a consumer can filter by it. */
const TEMPLATES: Record<EventKind, readonly [area: string, what: string]> = {
  requestFinished: ["request", "finished"],
  cacheChanged: ["cache", "changed"],
  scoreRecorded: ["score", "recorded"],
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

function ownerOf(event: ChimeraEvent): string {
  switch (event.kind) {
    case "requestFinished":
      return event.message.tenant;
    case "cacheChanged":
      return event.message.replica;
    case "scoreRecorded":
      return event.message.source;
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
    case "scoreRecorded":
      return toBinary(ScoreRecordedSchema, event.message);
  }
}

/** Throws where the bytes are no such message. */
export function decode(kind: EventKind, bytes: Uint8Array): ChimeraEvent {
  switch (kind) {
    case "requestFinished":
      return { kind, message: fromBinary(RequestFinishedSchema, bytes) };
    case "cacheChanged":
      return { kind, message: fromBinary(CacheChangedSchema, bytes) };
    case "scoreRecorded":
      return { kind, message: fromBinary(ScoreRecordedSchema, bytes) };
  }
}
