import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ListLedgerResponseSchema, ListRecommendationsResponseSchema } from "@chimera/contracts/insight";
import { expect, it } from "vitest";
import { ledgerText } from "./ledger.ts";
import { recommendationsText } from "./recommend.ts";

const prediction = {
  predictionId: "p-1",
  metric: "ttft_p50_ms",
  baseline: 200,
  baselineN: 1000n,
  relative: -0.3,
  interval90: { low: -0.4, high: -0.2, level: 0.9 },
  cost: "4,000 tokens, once",
};

it("shows what was promised beside what came, failures too", () => {
  const text = ledgerText(
    create(ListLedgerResponseSchema, {
      entries: [
        {
          ...{ prediction, remedy: "cache-warm-up", phase: "settled", madeAt: timestampFromMs(Date.UTC(2026, 0, 31)) },
          outcome: { verdict: "rolled back", relative: 0.05, interval95: { low: 0.01, high: 0.09, level: 0.95 } },
        },
        { prediction: { ...prediction, predictionId: "p-0" }, phase: "verifying" },
      ],
      text: "not enough predictions (1)",
      isWhole: true,
    }),
  );
  expect(text).toContain("-30.0 % (-40.0 to -20.0)  +5.0 % (+1.0 to +9.0)  no    rolled back");
  expect(text).toMatch(/p-0 .*–.*verifying/);
  expect(text).toContain("not enough predictions (1)");
});

it("tells why the rest is not recommended", () => {
  const text = recommendationsText(
    create(ListRecommendationsResponseSchema, {
      recommendations: [
        {
          id: "p-1",
          remedy: "cache-warm-up",
          title: "Warm the cache",
          state: "recommended",
          predictions: [prediction],
        },
        { remedy: "parallelisation", state: "measure first", reason: "It needs a step-load test." },
      ],
      mode: "advise",
    }),
  );
  expect(text).toMatch(/cache-warm-up +recommended +ttft_p50_ms -30.0 % \(-40.0 to -20.0\) +4,000 tokens, once/);
  expect(text).toContain("parallelisation: It needs a step-load test.");
  expect(text).toContain("Mode: advise.");
});
