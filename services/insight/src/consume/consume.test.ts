import { CacheStatus } from "@chimera/contracts/common";
import { describe, expect, it } from "vitest";
import {
  cacheChanged,
  fixedClock,
  inStream,
  recordsOf,
  requestFinished,
  START_MS,
  scoreRecorded,
} from "../testing/events.ts";
import { mergedCell } from "../window/traffic-log.ts";
import { takeEvent } from "./consume.ts";

describe("takeEvent", () => {
  it("counts an event that comes twice once, under a new place in the stream as well", () => {
    const records = recordsOf([]);
    const [received] = inStream([requestFinished(START_MS)]);
    if (received === undefined) throw new Error("one event was made");
    for (const sequence of [1, 1, 2]) takeEvent(records, { ...received, sequence }, fixedClock(START_MS));
    expect(records.requests.size).toBe(1);
    expect(mergedCell(records.traffic.blocks({ fromMs: START_MS, toMs: START_MS })).n).toBe(1);
    expect(records.intake.received).toBe(1);
    expect(records.intake.lost(START_MS + 60_000)).toBe(0);
  });

  it("takes two events of different kinds under one id", () => {
    const records = recordsOf([]);
    const received = inStream([requestFinished(START_MS), cacheChanged(START_MS)]);
    for (const one of received) takeEvent(records, { ...one, id: "same" }, fixedClock(START_MS));
    expect(records.intake.received).toBe(2);
  });

  it("forgets old ids, so that memory stays bounded", () => {
    const records = recordsOf([]);
    const [received] = inStream([requestFinished(START_MS)]);
    if (received === undefined) throw new Error("one event was made");
    const take = (id: string, sequence: number) =>
      takeEvent(records, { ...received, id, sequence }, fixedClock(START_MS));
    for (let index = 1; index <= 100_001; index += 1) take(`id-${index}`, index);
    take("id-100001", 100_002);
    expect(records.intake.received).toBe(100_001);
    take("id-1", 100_003);
    expect(records.intake.received).toBe(100_002);
  });

  it("takes a stale answer for a hit, and one that was read along for neither", () => {
    const statuses = [CacheStatus.HIT, CacheStatus.STALE, CacheStatus.JOINED, CacheStatus.MISS, CacheStatus.BYPASS];
    const records = recordsOf(statuses.map((status) => requestFinished(START_MS, { cache: { status } })));
    expect([...records.requests].map(({ cache }) => cache)).toEqual(["hit", "hit", "joined", "miss", "bypass"]);
  });

  it("leaves out what a router asked itself to make an answer anew", () => {
    expect(recordsOf([requestFinished(START_MS, { workload: "refresh" })]).requests.size).toBe(0);
  });

  it("refuses what lacks a usable field, and counts it as lost", () => {
    const unusable = [
      requestFinished(START_MS, { arrivedAt: undefined }),
      requestFinished(-START_MS),
      requestFinished(START_MS, { turnMs: Number.NaN }),
      requestFinished(START_MS, { ttftMs: -1 }),
      requestFinished(START_MS, { engine: { queueMs: Number.POSITIVE_INFINITY } }),
      requestFinished(START_MS, { queueMs: -5 }),
      cacheChanged(START_MS, { replica: "" }),
      scoreRecorded(START_MS, { source: "rumour" }),
      scoreRecorded(START_MS, { runId: "" }),
    ];
    const records = recordsOf(unusable);
    expect(records.requests.size).toBe(0);
    expect(records.intake.lost(START_MS + 60_000)).toBe(unusable.length);
  });

  it("leaves the mesh's own evaluation out of the traffic, and does not count it as lost", () => {
    const records = recordsOf([requestFinished(START_MS), requestFinished(START_MS, { workload: "evaluation" })]);
    expect(records.requests.size).toBe(1);
    expect(records.intake.lost(START_MS + 60_000)).toBe(0);
  });

  it("knows when the first thing happened, not when it was heard of", () => {
    const records = recordsOf([requestFinished(START_MS + 500), requestFinished(START_MS - 700)]);
    expect(records.intake.firstEventMs).toBe(START_MS - 700);
  });
});
