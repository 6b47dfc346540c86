// The evaluator's figures held against references, and what they cost: parity, coverage, looking often, speed, memory.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareWithReferences } from "../../libs/statistics/src/testing/parity.ts";
import type { BenchContext, Benchmark } from "./benchmark.ts";
import { coverageResults } from "./evaluator/coverage.ts";
import { peekingResults } from "./evaluator/peeking.ts";
import { promptfooResults } from "./evaluator/promptfoo.ts";
import { scoringResults } from "./evaluator/scoring.ts";
import { plainResult } from "./figures.ts";
import type { BenchResult } from "./result.ts";

export const evaluatorBenchmark: Benchmark = {
  name: "evaluator",
  summary: "scores and intervals beside scikit-learn, statsmodels, SciPy and promptfoo; speed and memory",
  // The full run may have to install promptfoo first.
  limitMs: { quick: 58_000, full: 1_500_000 },
  run: measure,
};

async function measure(context: BenchContext): Promise<BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), "evaluator-bench-"));
  try {
    return [
      parityResult(),
      ...(await scoringResults(folder, context)),
      ...(await promptfooResults(folder, context)),
      ...peekingResults(context),
      ...coverageResults(context),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function parityResult(): BenchResult {
  const comparisons = compareWithReferences().flat();
  const { error, figure } = comparisons.reduce((worst, each) => (each.error > worst.error ? each : worst));
  return plainResult({
    id: "evaluator.parity_max_error",
    value: comparisons.every((each) => Number.isFinite(each.error)) ? error : null,
    unit: "share",
    n: comparisons.length,
    method: `Largest |ours - reference| / max(1, |reference|) over committed results of scikit-learn 1.2.1, statsmodels 0.13.5 and SciPy 1.10.1 (${figure}).`,
  });
}
