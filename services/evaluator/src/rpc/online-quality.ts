// OnlineQuality: live traffic by window, with intervals, and what the drift detectors say.
import { create } from "@bufbuild/protobuf";
import {
  type OnlineQualityRequest,
  type OnlineQualityResponse,
  OnlineQualityResponseSchema,
  QualityWindowSchema,
} from "@chimera/contracts/evaluator";
import { seededRandom, wilsonInterval } from "@chimera/kernel";
import { BOOTSTRAP_INTERVAL, bootstrapScoresInTurns, type Confusion, cellScores } from "@chimera/statistics";
import type { Context } from "../context.ts";
import { type QualityWindow, WINDOW_MS } from "../online/quality-windows.ts";
import { estimateOf, SEED } from "../run/figures.ts";
import { toSign } from "../tuning/messages.ts";

/** Fewer than for an evaluation: there may be a day of windows. */
const RESAMPLES = 300;

export function onlineQuality({ online }: Pick<Context, "online">) {
  return async ({ tenant }: OnlineQualityRequest): Promise<OnlineQualityResponse> => {
    const windows = [];
    for (const window of online.windows(tenant)) windows.push(await toWindow(window));
    const drift = online.drift().map((sign) => toSign(sign, sign.name === "rise of errors" ? "alarm" : "statistic"));
    return create(OnlineQualityResponseSchema, { windows, drift });
  };
}

async function toWindow({ startMs, tally: { requests, confusion } }: QualityWindow) {
  return create(QualityWindowSchema, {
    from: new Date(startMs).toISOString(),
    to: new Date(startMs + WINDOW_MS).toISOString(),
    n: BigInt(requests),
    feedbackShare: confusion.n / Math.max(1, requests),
    ...(confusion.n > 0 && (await estimatesOf(confusion))),
  });
}

async function estimatesOf(confusion: Confusion) {
  const { n, correct } = confusion;
  const accuracy = estimateOf(correct / n, wilsonInterval(correct, n), "wilson");
  const cells = confusion.cells();
  if (cells.length === 0) return { accuracy };
  const { macroF1 } = await bootstrapScoresInTurns(cells, { resamples: RESAMPLES, random: seededRandom(SEED) });
  const method = `bootstrap, ${BOOTSTRAP_INTERVAL}, ${RESAMPLES} resamples, seed ${SEED}`;
  return { accuracy, macroF1: estimateOf(cellScores(cells).macroF1, macroF1, method) };
}
