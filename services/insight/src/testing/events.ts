// Events as the other services would publish them, for tests.
import { create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CacheStatus } from "@chimera/contracts/common";
import { CacheChangedSchema, RequestFinishedSchema, ScoreRecordedSchema } from "@chimera/contracts/events";
import type { ChimeraEvent, ReceivedEvent } from "@chimera/events";
import { type Clock, type Random, seededRandom } from "@chimera/kernel";
import { takeEvent } from "../consume/consume.ts";
import { createRecords, type Records } from "../consume/records.ts";
import type { Context } from "../context.ts";
import { Ledger } from "../ledger/ledger.ts";
import { MemoryLog } from "./memory-log.ts";

/** What a test says of a message instead of the usual; undefined leaves a field unset. */
type Fields<S extends DescMessage> = Exclude<MessageInitShape<S>, MessageShape<S>>;

/** A whole second, so that times read well in failures. */
export const START_MS = Date.UTC(2026, 0, 31, 9, 30);

export function requestFinished(arrivedMs: number, fields: Fields<typeof RequestFinishedSchema> = {}): ChimeraEvent {
  const message = create(RequestFinishedSchema, {
    tenant: "default",
    status: "OK",
    ttftMs: 20,
    turnMs: 100,
    cache: { status: CacheStatus.MISS },
    usage: { promptTokens: 30, completionTokens: 10 },
    engine: { queueMs: 1 },
    arrivedAt: timestampFromMs(arrivedMs),
    ...fields,
  });
  return { kind: "requestFinished", message };
}

export function cacheChanged(atMs: number, fields: Fields<typeof CacheChangedSchema> = {}): ChimeraEvent {
  const message = create(CacheChangedSchema, {
    replica: "cache-a",
    capacityBytes: 1000n,
    at: timestampFromMs(atMs),
    ...fields,
  });
  return { kind: "cacheChanged", message };
}

export function scoreRecorded(atMs: number, fields: Fields<typeof ScoreRecordedSchema> = {}): ChimeraEvent {
  const message = create(ScoreRecordedSchema, {
    source: "dataset",
    dataset: "tickets",
    split: "holdout",
    runId: "run-1",
    model: "tiny",
    modelVersion: "v1",
    at: timestampFromMs(atMs),
    ...fields,
  });
  return { kind: "scoreRecorded", message };
}

/** Gives each event the next place in the stream. */
export function inStream(events: readonly ChimeraEvent[], storedMs = START_MS): ReceivedEvent[] {
  return events.map((event, index) => ({ event, id: `event-${index}`, sequence: index + 1, receivedAtMs: storedMs }));
}

export function fixedClock(nowMs: number): Clock {
  return { nowMs: () => nowMs, monotonicMs: () => nowMs };
}

export function recordsOf(events: readonly ChimeraEvent[], limits = { maxRequests: 10_000 }): Records {
  const records = createRecords(limits);
  for (const received of inStream(events)) takeEvent(records, received, fixedClock(START_MS));
  return records;
}

/** What handlers may use, with an empty ledger. */
export function contextOf(records: Records, nowMs: number, machine?: string): Context {
  const clock = fixedClock(nowMs);
  const ledger = new Ledger({ log: new MemoryLog(), clock, logger: { warn: () => undefined } });
  return { records, ledger, clock, machine };
}

/** Two minutes of a mesh that works: hits and misses, a few failures, a filling cache, two data set runs, some feedback. */
export function busyMesh(seed = 1): ChimeraEvent[] {
  const random = seededRandom(seed);
  return [
    ...Array.from({ length: 1500 }, () => randomRequest(random)),
    ...Array.from({ length: 120 }, (_, second) => fillingCache(second)),
    ...Array.from({ length: 400 }, (_, item) => randomScore(random, { item, split: "holdout", runId: "run-holdout" })),
    ...Array.from({ length: 400 }, (_, item) =>
      randomScore(random, { item, split: "validation", runId: "run-validation" }),
    ),
    ...Array.from({ length: 60 }, (_, item) =>
      scoreRecorded(START_MS + item * 1000, {
        source: "live",
        correct: random() < 0.9,
        runId: "",
        split: "",
        dataset: "",
      }),
    ),
  ];
}

function randomRequest(random: Random): ChimeraEvent {
  const arrivedMs = START_MS + Math.floor(120_000 * random());
  const kind = random();
  if (kind < 0.01) {
    const nothing = { ttftMs: undefined, turnMs: 2, engine: undefined };
    return requestFinished(arrivedMs, { ...nothing, status: "UNAVAILABLE", refusal: "no room" });
  }
  if (kind < 0.02) return requestFinished(arrivedMs, { status: "CANCELLED", turnMs: 40 });
  const ttftMs = kind < 0.4 ? 0.5 + 2 * random() : 15 + 60 * random() ** 3;
  const cache = { status: kind < 0.4 ? CacheStatus.HIT : CacheStatus.MISS };
  const engine = kind < 0.4 ? undefined : { queueMs: ttftMs * 0.3 * random() };
  return requestFinished(arrivedMs, { ttftMs, turnMs: ttftMs + 80 * random(), cache, engine });
}

function fillingCache(second: number): ChimeraEvent {
  const lookups = BigInt(Math.round(second * 12.4));
  return cacheChanged(START_MS + second * 1000, {
    entries: BigInt(second),
    bytes: BigInt(second * 7),
    hits: (lookups * 2n) / 5n,
    misses: lookups - (lookups * 2n) / 5n,
    evictions: BigInt(Math.floor(second / 10)),
  });
}

const labels = ["billing", "outage", "account", "other"];

function randomScore(random: Random, of: { item: number; split: string; runId: string }): ChimeraEvent {
  const target = labels[of.item % labels.length] ?? "other";
  const correct = random() < 0.9;
  const predicted = correct ? target : random() < 0.2 ? "" : (labels[(of.item + 1) % labels.length] ?? "other");
  const { split, runId } = of;
  return scoreRecorded(START_MS + 60_000 + of.item, {
    subjectId: `item-${of.item}`,
    target,
    predicted,
    correct,
    split,
    runId,
  });
}
