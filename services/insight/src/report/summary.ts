// The report before it has a format: the headline figures, all figures, curves, risks and notes of one window.
import { seededRandom } from "@chimera/kernel";
import type { Records } from "../consume/records.ts";
import type { FigureId } from "../figure/definitions.ts";
import type { Figure } from "../figure/figure.ts";
import { type Phrase, phrase } from "../figure/phrase.ts";
import type { Series } from "../figure/series.ts";
import { type LedgerSummary, ledgerSummary, type PredictionRow } from "../ledger/summary.ts";
import { cacheFigures } from "../measure/cache.ts";
import { type CapacityCurves, capacityCurves } from "../measure/capacity-curves.ts";
import { cumulativeGainFigures } from "../measure/cumulative-gain.ts";
import { rateCurves, ttftCurves } from "../measure/curves.ts";
import { demandFigures } from "../measure/demand.ts";
import { driftFigures } from "../measure/drift.ts";
import { errorFigures } from "../measure/errors.ts";
import { latencyFigures } from "../measure/latency.ts";
import { longWindowFigures } from "../measure/long-window.ts";
import { overloadFigures } from "../measure/overload.ts";
import { qualityFigures } from "../measure/quality.ts";
import { telemetryFigures } from "../measure/telemetry.ts";
import { throughputFigures } from "../measure/throughput.ts";
import { drift } from "../risk/drift.ts";
import { overfitting } from "../risk/overfitting.ts";
import { overload } from "../risk/overload.ts";
import { type ReportedRisk, reportedRisk } from "../risk/reported-risk.ts";
import type { FigureSet, RiskRule } from "../risk/risk.ts";
import { saturation } from "../risk/saturation.ts";
import { telemetryLoss } from "../risk/telemetry-loss.ts";
import { selectRequests } from "../window/request-window.ts";
import { firstHalf, secondHalf, type Window } from "../window/window.ts";
import { type Advice, adviceOf } from "./advice.ts";
import type { ReportInput } from "./report-input.ts";

export interface Report {
  readonly generatedAtMs: number;
  /** What the mesh runs on, in the operator's words. */
  readonly machine: string | undefined;
  readonly window: Window;
  readonly figures: readonly Figure[];
  /** At most five. */
  readonly headline: readonly Figure[];
  readonly ttftCurves: readonly Series[];
  readonly rateCurves: readonly Series[];
  /** Undefined where no load was stepped up. */
  readonly capacity: CapacityCurves | undefined;
  /** Undefined before the first look. */
  readonly advice: Advice | undefined;
  readonly ledger: LedgerSummary | undefined;
  readonly risks: readonly ReportedRisk[];
  readonly notes: readonly Phrase[];
}

/** The same traffic gives the same intervals in every report. */
const BOOTSTRAP_SEED = 20260131;

const risks: readonly RiskRule[] = [overfitting, saturation, overload, drift, telemetryLoss];

export interface ReportRequest {
  readonly window: Window;
  readonly nowMs: number;
  readonly machine: string | undefined;
  readonly input?: ReportInput;
}

export function summarise(records: Records, request: ReportRequest): Report {
  const { window, nowMs, machine, input = {} } = request;
  const requests = selectRequests(records.requests, window);
  const caches = records.caches.within(window);
  const ledger = input.ledger === undefined ? undefined : ledgerSummary(input.ledger, nowMs);
  const measured = [
    ...demandFigures(requests),
    ...throughputFigures(requests),
    ...latencyFigures(requests),
    ...qualityFigures(records.scores, window),
    ...cacheFigures(requests, caches),
    ...errorFigures(requests),
    ...overloadFigures(requests),
    ...telemetryFigures({ records, requests, caches, nowMs }),
    ...cumulativeGainFigures(records.traffic.blocks(window), { window, random: seededRandom(BOOTSTRAP_SEED) }),
    ...driftFigures(records, window, seededRandom(BOOTSTRAP_SEED)),
    ...(ledger?.figures ?? []),
  ];
  const byId: FigureSet = new Map(
    [...measured, ...ofTheWholeWindow(records, window)].map((figure) => [figure.id, figure]),
  );
  const figures = [...byId.values()];
  return {
    generatedAtMs: nowMs,
    machine,
    window,
    figures,
    headline: headlineOf(byId),
    ttftCurves: ttftCurves(requests),
    rateCurves: rateCurves(requests),
    capacity: input.capacity && capacityCurves(input.capacity, { window, seed: BOOTSTRAP_SEED }),
    advice: input.recommendations && adviceOf(input.recommendations),
    ledger,
    risks: risksOf(records, { ...request, figures: byId, rows: [...(ledger?.open ?? []), ...(ledger?.settled ?? [])] }),
    notes: notesOn(records, byId, window),
  };
}

/** Where single records were let go, what counts and sketches still tell takes the place of what they told. */
function ofTheWholeWindow({ requests, traffic }: Records, window: Window): readonly Figure[] {
  if (window.fromMs > requests.lastDroppedArrivalMs) return [];
  const blocks = traffic.blocks(window);
  return blocks.length === 0 ? [] : longWindowFigures(blocks, window);
}

function risksOf(
  records: Records,
  { window, nowMs, input, figures, rows }: ReportRequest & { figures: FigureSet; rows: readonly PredictionRow[] },
): readonly ReportedRisk[] {
  const halves = {
    first: signFigures(records, firstHalf(window), nowMs),
    second: signFigures(records, secondHalf(window), nowMs),
  };
  return risks.map((rule) => {
    const risk = rule(figures);
    const signs = risk.id === "overfitting" || risk.id === "drift" ? (input?.guardSigns?.[risk.id] ?? []) : [];
    return reportedRisk(risk, { window, halves, signs, rows });
  });
}

/** What risks are read from, over a part of the window. */
function signFigures(records: Records, window: Window, nowMs: number): FigureSet {
  const requests = selectRequests(records.requests, window);
  const caches = records.caches.within(window);
  const figures = [
    ...qualityFigures(records.scores, window),
    ...cacheFigures(requests, caches),
    ...overloadFigures(requests),
    ...telemetryFigures({ records, requests, caches, nowMs }),
  ];
  return new Map(figures.map((figure) => [figure.id, figure]));
}

/** A window shorter than ten seconds has only the peak over one. */
function headlineOf(figures: FigureSet): readonly Figure[] {
  const tenSeconds = figures.get("throughput.answered_peak_rps_10s");
  const span = tenSeconds?.value === undefined ? "1s" : "10s";
  const peak: FigureId = `throughput.answered_peak_rps_${span}`;
  const ids: readonly FigureId[] = [
    "throughput.answered_avg_rps",
    peak,
    "ttft.p50_ms",
    "quality.macro_f1",
    "quality.accuracy",
  ];
  return ids.flatMap((id) => figures.get(id) ?? []);
}

function notesOn(records: Records, figures: FigureSet, window: Window): readonly Phrase[] {
  const notes: Phrase[] = [];
  const count = figures.get("requests.count");
  const dropped = figures.get("telemetry.records_dropped");
  if (count?.n === 0)
    notes.push(phrase("No request arrived in this window: there is no data on throughput, latency and errors."));
  if (dropped !== undefined && window.fromMs <= records.requests.lastDroppedArrivalMs) {
    notes.push(
      phrase(
        "This window reaches back to requests whose records were let go (",
        dropped,
        " in all): peaks, answered rates and curves cover the newer part only, all other figures on requests whole minutes.",
      ),
    );
  }
  return notes;
}
