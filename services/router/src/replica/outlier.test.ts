import { expect, it } from "vitest";
import { median, outlierReason } from "./outlier.ts";
import { Pace } from "./pace.ts";

function replica(msPerToken: number, { samples = 50, ttftMs = 1000 } = {}) {
  const pace = new Pace();
  for (let i = 0; i < samples; i++) pace.record(msPerToken * 100, 100);
  return { pace, ttftMs };
}

it("is a replica whose first tokens take far longer than the others'", () => {
  expect(outlierReason(replica(6), median([1, 1.1, 0.9]))).toBe(
    "first tokens take 6.0 times as long as elsewhere (1000 ms on average)",
  );
  expect(outlierReason(replica(4), median([1, 1.1, 0.9]))).toBeUndefined();
});

it("is none where too little is known, or where the times are short all the same", () => {
  expect(outlierReason(replica(6), median([1]))).toBeUndefined();
  expect(outlierReason(replica(6, { samples: 9 }), 1)).toBeUndefined();
  expect(outlierReason(replica(6, { ttftMs: 100 }), 1)).toBeUndefined();
  expect(outlierReason(replica(6, { samples: 0 }), 1)).toBeUndefined();
});
