import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { RequestFinishedSchema, ScoreRecordedSchema } from "@chimera/contracts/events";
import { type Random, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { onlineQuality } from "../rpc/online-quality.ts";
import { DriftWatch } from "./drift-watch.ts";
import { OnlineQuality } from "./online-quality.ts";

const clock = { nowMs: () => 0, monotonicMs: () => 0 };
const NOON = Date.UTC(2026, 0, 31, 12);

function watching(share = 1) {
  const online = new OnlineQuality({ share, clock, random: seededRandom(1) });
  const request = (requestId: string, over: { atMs?: number; tenant?: string; workload?: string } = {}) => {
    const { atMs = NOON, tenant = "aster", workload = "" } = over;
    const arrivedAt = timestampFromMs(atMs);
    online.requestFinished(create(RequestFinishedSchema, { requestId, tenant, workload, arrivedAt, status: "OK" }));
  };
  const score = (subjectId: string, predicted: string, tenant = "aster") =>
    online.scored(
      create(ScoreRecordedSchema, { subjectId, tenant, predicted, target: "bug", correct: predicted === "bug" }),
    );
  const windows = async (tenant = "") =>
    (await onlineQuality({ online })({ tenant, $typeName: "chimera.evaluator.v1.OnlineQualityRequest" })).windows;
  return { online, request, score, windows };
}

describe("OnlineQuality", () => {
  it("scores a request in its own window, however late the reference answer comes", async () => {
    const { request, score, windows } = watching();
    for (let i = 0; i < 10; i++) request(`early-${i}`);
    request("late", { atMs: NOON + 5 * 60_000 });
    request("of-a-run", { workload: "evaluation" });
    for (let i = 0; i < 4; i++) score(`early-${i}`, i === 0 ? "login" : "bug");
    score("unknown", "bug");
    const [first, second, ...more] = await windows();
    expect(more).toEqual([]);
    expect(first).toMatchObject({ from: "2026-01-31T12:00:00.000Z", n: 10n, feedbackShare: 0.4 });
    expect(first?.accuracy?.value).toBe(0.75);
    expect(first?.accuracy?.method).toBe("wilson");
    expect(first?.macroF1?.low).toBeLessThan(first?.macroF1?.value ?? 0);
    expect(second).toMatchObject({ n: 1n, feedbackShare: 0 });
    expect(second?.accuracy).toBeUndefined();
  });

  it("tells tenants apart and keeps a day", async () => {
    const { request, windows } = watching();
    for (let i = 0; i < 400; i++) request(`r${i}`, { atMs: NOON + i * 5 * 60_000, tenant: i % 2 ? "aster" : "birch" });
    expect((await windows()).length).toBe(288);
    expect((await windows("aster")).length).toBe(144);
    expect((await windows("nobody")).length).toBe(0);
  });

  it("follows the share it is told, the same requests each time", async () => {
    const [first, second] = [watching(0.25), watching(0.25)];
    for (const { request } of [first, second]) for (let i = 0; i < 1000; i++) request(`r${i}`);
    const [a, b] = [await first.windows(), await second.windows()];
    expect(a[0]?.n).toBe(b[0]?.n);
    expect(Number(a[0]?.n)).toBeGreaterThan(180);
    expect(Number(a[0]?.n)).toBeLessThan(320);
  });
});

function requests(
  watch: DriftWatch,
  { n, random, longer = 0, slower = 1 }: { n: number; random: Random; longer?: number; slower?: number },
) {
  for (let i = 0; i < n; i++) {
    watch.request({
      promptTokens: 20 + longer + Math.floor(30 * random()),
      model: "tiny",
      ttftMs: slower * (5 + 10 * random()),
    });
  }
}
const stateOf = (watch: DriftWatch, name: string) => watch.signs().find((sign) => sign.name === name)?.state;

describe("DriftWatch", () => {
  it("sees longer prompts and slower answers, and says nothing before there is something to compare", () => {
    const random = seededRandom(1);
    const watch = new DriftWatch(random);
    requests(watch, { n: 999, random });
    expect(watch.signs().map(({ state }) => state)).toEqual(Array(5).fill("unknown"));
    requests(watch, { n: 1, random });
    expect(stateOf(watch, "drift of prompt length")).toBe("ok");
    requests(watch, { n: 500, random, longer: 8, slower: 1.3 });
    expect(stateOf(watch, "drift of prompt length")).toBe("alarm");
    expect(stateOf(watch, "drift of time to first token")).toBe("alarm");
    expect(stateOf(watch, "drift of models")).toBe("ok");
    expect(watch.inputDrift().state).toBe("alarm");
  });

  it("gives no more false alarms than it says", () => {
    const random = seededRandom(7);
    let alarms = 0;
    for (let run = 0; run < 12; run++) {
      const watch = new DriftWatch(random);
      for (let sample = 0; sample < 5; sample++) {
        requests(watch, { n: 500, random });
        if (watch.signs().some(({ state }) => state === "alarm")) alarms += 1;
      }
    }
    // 48 samples at 1 %: 5 and more have a chance of 1 in 6,000.
    expect(alarms).toBeLessThan(5);
  });

  it("sees a model that gets worse, soon", () => {
    const random = seededRandom(3);
    const watch = new DriftWatch(random);
    const scores = (n: number, quality: number) => {
      for (let i = 0; i < n; i++) watch.score({ predicted: "bug", correct: random() < quality });
    };
    scores(800, 0.9);
    expect(stateOf(watch, "rise of errors")).toBe("ok");
    scores(150, 0.6);
    expect(stateOf(watch, "rise of errors")).toBe("alarm");
    expect(stateOf(watch, "drift of labels given")).toBe("ok");
  });
});
