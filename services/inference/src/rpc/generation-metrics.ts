// The GenAI metrics of a model server: three recordings for each answer that ended well, none where nobody takes metrics.
import { buckets, durationHistogram, metricNames, metricsOn, names } from "@chimera/telemetry";
import type { Histogram } from "@opentelemetry/api";
import type { CompletePart, EngineDescription, EngineRequest } from "../engine/engine.ts";

const MS_PER_S = 1000;

interface Histograms {
  duration: Histogram;
  timeToFirstToken: Histogram;
  timePerOutputToken: Histogram;
}

let histograms: Histograms | undefined;

/** What failed shows in the metrics of whoever asked, with its status. */
export function recordGeneration(request: EngineRequest, served: EngineDescription, part: CompletePart): void {
  if (!metricsOn()) return;
  histograms ??= makeHistograms();
  const { usage, timings } = part;
  const attributes = {
    [names.genAiOperation]: request.input.kind === "messages" ? "chat" : "text_completion",
    [names.genAiProvider]: served.engine,
    [names.genAiModel]: served.model,
  };
  histograms.duration.record(timings.totalMs / MS_PER_S, attributes);
  // The rest of an answer that another replica began has neither a first token nor a number of tokens of its own.
  if (request.resume) return;
  histograms.timeToFirstToken.record(timings.firstTokenMs / MS_PER_S, attributes);
  if (usage.completionTokens < 2) return;
  const perTokenMs = (timings.totalMs - timings.firstTokenMs) / (usage.completionTokens - 1);
  histograms.timePerOutputToken.record(perTokenMs / MS_PER_S, attributes);
}

function makeHistograms(): Histograms {
  return {
    duration: durationHistogram(
      metricNames.serverDuration,
      "Arrival at the engine to the last token",
      buckets.duration,
    ),
    timeToFirstToken: durationHistogram(
      metricNames.serverTimeToFirstToken,
      "Arrival at the engine to the first token, the wait for a slot included",
      buckets.serverTimeToFirst,
    ),
    timePerOutputToken: durationHistogram(
      metricNames.serverTimePerOutputToken,
      "First to last token, divided by the tokens after the first",
      buckets.perToken,
    ),
  };
}
