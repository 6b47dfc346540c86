import { describe, expect, it } from "vitest";
import { answersUnderTest } from "../testing/answers.ts";
import { riskOf } from "./risk.ts";
import { measureSigns, type Signs } from "./signs.ts";
import { bytesText, durationText, percentText } from "./text.ts";

const MINUTE = 60_000;

function signs(change: Partial<Signs> = {}): Signs {
  const traffic = { lookups: 1000, hits: 500, ghostHits: 0, expiredMisses: 0, stores: 500, windowMs: 600_000 };
  return {
    atMs: 0,
    traffic,
    bytes: 950,
    capacityBytes: 1000,
    fill: 0.95,
    evictions: 100,
    evictionAgeMs: 10 * MINUTE,
    neverHitShare: 0.3,
    neverHitN: 200,
    neverHitBytes: 100,
    ghostHitShare: 0,
    writeToHit: 1,
    overdueShare: 0,
    tenants: [],
    sizes: [],
    ...change,
  };
}

describe("riskOf", () => {
  it.each<[string, Partial<Signs>, string, RegExp]>([
    ["room is left", { fill: 0.5, ghostHitShare: 0.5 }, "low", /^50\.0 % of 1000 B are in use, and there is room\.$/],
    ["nothing was evicted", { evictions: 0, ghostHitShare: 0.5 }, "low", /nothing was evicted lately/],
    ["what leaves is not missed", {}, "low", /what is evicted is not missed/],
    ["some of it is missed", { ghostHitShare: 0.03 }, "moderate", /3\.0 % of 500 misses were for answers evicted/],
    ["much of it is missed", { ghostHitShare: 0.1 }, "high", /10\.0 % of 500 misses/],
    ["more is written than read", { writeToHit: 4 }, "moderate", /4\.0 answers were stored per hit/],
    ["hardly anything is read", { neverHitShare: 0.9 }, "moderate", /90\.0 % of 200 answers were never served/],
    ["nothing stays", { evictionAgeMs: 20_000 }, "moderate", /half of 100 evicted .* less than 20 s/],
    ["two signs are there", { evictionAgeMs: 20_000, writeToHit: 9 }, "high", /per hit; half of/],
    ["too little is known", { neverHitN: 10, neverHitShare: 1, evictions: 10, evictionAgeMs: 5 }, "low", /not missed/],
  ])("where %s", (_what, change, level, text) => {
    const risk = riskOf(signs(change));
    expect(risk.level).toBe(level);
    expect(risk.text).toMatch(text);
  });

  it("names what would help, with its figures", () => {
    const sizes = [0.5, 1, 2, 4].map((size) => ({ capacityBytes: 1000 * size, hitRatio: 0.4 + size / 100, n: 900 }));
    const tenants = [{ tenant: "acme", entries: 1, bytes: 700, quotaBytes: 500 }];
    const { text } = riskOf(signs({ ghostHitShare: 0.2, sizes, tenants }));
    expect(text).toContain("What helps: 2.0 KiB would hit 1.0 pp more (n 900)");
    expect(text).toContain("pruning what was never served would free 100 B");
    expect(text).toContain("tenant acme holds more than its quota");
    expect(riskOf(signs({ ghostHitShare: 0.2, neverHitBytes: 0 })).text).toMatch(/More room would help\.$/);
  });
});

describe("measureSigns", () => {
  it("of a small cache under a stream of questions that are asked once show both what leaves and what is missed", async () => {
    const test = await answersUnderTest({ maxEntries: 40, ttlMs: 60 * MINUTE });
    for (let at = 0; at < 120; at += 1) {
      test.clock.ms += 1000;
      await test.ask(`once ${at}`);
      await test.keep(`once ${at}`);
      await test.ask("popular");
      if (at === 0) await test.keep("popular");
    }
    for (let at = 100; at > 90; at -= 1) await test.ask(`once ${at - 50}`);
    const found = await measureSigns({ ...test, sizes: () => [] });
    expect(found.evictions).toBe(81);
    expect(found.evictionAgeMs).toBeGreaterThan(1000);
    expect(found.neverHitShare).toBeGreaterThan(0.9);
    expect(found.traffic).toMatchObject({ lookups: 250, hits: 119, stores: 121, ghostHits: 10 });
    expect(found.ghostHitShare).toBeCloseTo(10 / 131, 10);
    expect(found.writeToHit).toBeCloseTo(121 / 119, 10);
    expect(found.tenants).toMatchObject([{ tenant: "acme", entries: 40, bytes: test.index.bytes }]);
    expect(found.overdueShare).toBe(0);
    test.clock.ms += 60 * MINUTE;
    expect(await measureSigns({ ...test, sizes: () => [] })).toMatchObject({ overdueShare: 1 });
  });

  it("of an empty cache are nothing, and no number is missing", async () => {
    const test = await answersUnderTest();
    const found = await measureSigns({ ...test, sizes: () => [] });
    expect(found).toMatchObject({
      fill: 0,
      evictions: 0,
      evictionAgeMs: undefined,
      neverHitShare: 0,
      ghostHitShare: 0,
    });
    expect(Object.values(found).some((value) => Number.isNaN(value))).toBe(false);
  });
});

it("figures are written for people", () => {
  expect([0, 1023, 1536, 48 * 2 ** 20, 2 ** 50].map(bytesText)).toEqual([
    "0 B",
    "1023 B",
    "1.5 KiB",
    "48.0 MiB",
    "1024.0 TiB",
  ]);
  expect([percentText(0.123), durationText(500), durationText(90_000), durationText(7_200_000)]).toEqual([
    "12.3 %",
    "500 ms",
    "90 s",
    "120 min",
  ]);
});
