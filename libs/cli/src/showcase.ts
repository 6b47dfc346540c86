// What `chimera start` shows once the mesh serves: two evaluations, traffic, feedback, and the report of all that.
import type { Estimate, EvaluateResult } from "@chimera/contracts/evaluator";
import type { GetReportResponse } from "@chimera/contracts/insight";
import type { Mesh } from "@chimera/supervisor";
import type { Surroundings } from "./config.ts";
import { connectRouter } from "./generation.ts";
import { fetchRecommendations, fetchReport, REPORT_FORMATS, textOf, untilSettled, writeReport } from "./report.ts";
import { renderMarkdown } from "./terminal/markdown.ts";
import { progressBar } from "./terminal/progress-bar.ts";
import type { Steps } from "./terminal/steps.ts";
import { evaluateSplit } from "./workload/evaluation.ts";
import { sendFeedback } from "./workload/feedback.ts";
import { hasFailed, MAX_FAILED_SHARE, type Played, playTraffic, summarize, TRAFFIC_SHAPE } from "./workload/traffic.ts";

const EVALUATION_CONCURRENCY = 8;
const EVENTS_MAX_WAIT_MS = 5000;

export interface ShowcaseOptions {
  mesh: Mesh;
  steps: Steps;
  surroundings: Surroundings;
  requests: number;
  rate: number;
  seed: number;
  outDir: string;
}

export interface Showcase {
  /** Set where the workload failed beyond what is tolerated. */
  problem: string | undefined;
}

/** Throws where a part of the mesh fails as a whole; single failed requests are counted and shown. */
export async function runShowcase(options: ShowcaseOptions): Promise<Showcase> {
  const { mesh, steps, surroundings, outDir } = options;
  const { clock, stopped } = surroundings;
  await evaluation(options, "validation");
  await evaluation(options, "holdout");
  // Figures of traffic are those of the workload alone; quality is of the newest runs, whenever they were.
  const fromMs = clock.nowMs();
  const { played, problem } = await traffic(options);
  stopped.throwIfAborted();
  await feedback(options, played, fromMs);
  await steps.run("recommendations", async () => {
    const made = await fetchRecommendations(mesh.url("insight"), stopped);
    const recommended = made.filter(({ state }) => state === "recommended").length;
    return { value: undefined, detail: `${recommended} of ${made.length} remedies recommended` };
  });
  const report = await steps.run("report", async () => {
    const value = await fetchReport(mesh.url("insight"), { fromMs }, stopped);
    return { value, detail: `${value.figures.length} figures, ${value.risks.length} risks; written to ${outDir}` };
  });
  for (const path of writeReport(report, outDir, REPORT_FORMATS)) steps.note(path);
  printReport(report, surroundings);
  return { problem };
}

/** Returns when every request and its score has reached insight. */
function feedback({ mesh, steps, surroundings }: ShowcaseOptions, played: Played, fromMs: number): Promise<void> {
  const { clock, stopped } = surroundings;
  return steps.run("feedback", async () => {
    const scored = await sendFeedback(mesh.url("evaluator"), played.answered, stopped);
    const sent = played.answered.length + played.failures.length;
    const known = await untilSettled({
      insightUrl: mesh.url("insight"),
      fromMs,
      requests: sent,
      scored,
      maxWaitMs: EVENTS_MAX_WAIT_MS,
      clock,
      signal: stopped,
    });
    if (known < sent) steps.warn(`insight knows of ${known} of ${sent} requests only`);
    return { value: undefined, detail: `${scored} answers compared with what they should have been` };
  });
}

async function traffic({
  mesh,
  steps,
  surroundings,
  ...plan
}: ShowcaseOptions): Promise<{ played: Played; problem: string | undefined }> {
  const { terminal, clock, stopped } = surroundings;
  const router = connectRouter(mesh.url("router"));
  const bar = progressBar({ terminal, clock, title: "workload", total: plan.requests });
  try {
    const played = await steps.run("workload", async () => {
      const value = await playTraffic({
        router,
        workload: { ...TRAFFIC_SHAPE, requests: plan.requests, ratePerSecond: plan.rate, seed: plan.seed },
        clock,
        signal: stopped,
        onProgress: ({ finished, failed, inFlight }) =>
          bar.update(finished, `${inFlight} in flight${failed > 0 ? `, ${failed} failed` : ""}`),
      });
      return { value, detail: trafficLine(value) };
    });
    return { played, problem: tellFailures(played, steps) };
  } finally {
    bar.clear();
    router.close();
  }
}

function trafficLine(played: Played): string {
  const { answered, planned, hits, ttftMsP50, ttftMsP95, lagMsP99, ratePerS } = summarize(played);
  const share = answered === 0 ? 0 : (100 * hits) / answered;
  return (
    `${answered} of ${planned} answered at ${ratePerS.toFixed(0)}/s, ${share.toFixed(0)} % from the cache, ` +
    `TTFT p50 ${ttftMsP50.toFixed(1)} ms, p95 ${ttftMsP95.toFixed(1)} ms as the client saw it (sent at most ${lagMsP99.toFixed(1)} ms late, p99)`
  );
}

/** Every kind of failure is shown; returns the problem where there were too many. */
function tellFailures(played: Played, steps: Steps): string | undefined {
  const summary = summarize(played);
  const { failed, notSent, planned } = summary;
  if (failed > 0) steps.warn(`${failed} of ${planned} requests failed`);
  for (const [reason, count] of summary.failuresByReason.slice(0, 5)) steps.note(`${count} × ${reason}`);
  if (notSent > 0)
    steps.warn(`${notSent} of ${planned} requests were not sent: too many were open. Try a lower --rate.`);
  if (!hasFailed(summary)) return undefined;
  return `The workload failed: ${failed + notSent} of ${planned} requests were not answered, more than ${100 * MAX_FAILED_SHARE} %.`;
}

function evaluation(options: ShowcaseOptions, split: "validation" | "holdout"): Promise<EvaluateResult> {
  const { mesh, steps, surroundings } = options;
  const { terminal, clock, stopped } = surroundings;
  return steps.run(`evaluation on ${split}`, async () => {
    let bar: ReturnType<typeof progressBar> | undefined;
    const value = await evaluateSplit({
      evaluatorUrl: mesh.url("evaluator"),
      split,
      limit: 0,
      concurrency: EVALUATION_CONCURRENCY,
      signal: stopped,
      onProgress: ({ done, total, failed }) => {
        bar ??= progressBar({ terminal, clock, title: split, total });
        bar.update(done, failed > 0 ? `${failed} failed` : "");
      },
    });
    if (value.failed > 0) steps.warn(`${value.failed} of ${value.n} items failed and count as wrong`);
    return {
      value,
      detail: `${value.n} items, accuracy ${percent(value.accuracy)}, macro F1 ${percent(value.macroF1)}`,
    };
  });
}

function percent(estimate: Estimate | undefined): string {
  if (estimate === undefined) return "unknown";
  const { value, low, high } = estimate;
  return `${(100 * value).toFixed(1)} % [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;
}

function printReport(report: GetReportResponse, { terminal }: Surroundings): void {
  const markdown = textOf(report, "md");
  terminal.out(`\n${terminal.outIsTty ? renderMarkdown(markdown, terminal.paintOut) : markdown}`);
}
