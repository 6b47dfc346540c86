// Overload: more arrives than the engines take, seen first as waiting and then as refusals.
import { phrase } from "../figure/phrase.ts";
import type { FigureSet, Risk, RiskState } from "./risk.ts";

const REFUSED_WATCH = 0.001;
const REFUSED_ALARM = 0.01;
const WAIT_WATCH = 0.5;

export function overload(figures: FigureSet): Risk {
  const refused = figures.get("overload.refused_of_demand");
  const waiting = figures.get("overload.wait_share_p95");
  return {
    id: "overload",
    name: "Overload",
    state: stateOf(refused?.value, waiting?.value),
    sign:
      refused?.value === undefined || waiting === undefined
        ? phrase("no request in the window")
        : phrase("refused ", refused, " of demand, waiting share of TTFT in the tail ", waiting),
    rule: `watch from ${REFUSED_WATCH * 100} % of demand refused or ${WAIT_WATCH * 100} % waiting share, alarm from ${REFUSED_ALARM * 100} % of demand refused`,
    mitigation: "Add engine slots or replicas, or spread the load; clients should retry with back-off.",
    figureIds: ["overload.refused_of_demand", "overload.wait_share_p95", "demand.avg_rps", "errors.count"],
    trendOf: "overload.wait_share_p95",
    remedies: ["parallelisation", "cache-warm-up"],
  };
}

/** Without an engine answer there is no wait to judge, and refusals alone decide. */
function stateOf(refused: number | undefined, waitShare = 0): RiskState {
  if (refused === undefined) return "unknown";
  if (refused >= REFUSED_ALARM) return "alarm";
  return refused >= REFUSED_WATCH || waitShare >= WAIT_WATCH ? "watch" : "ok";
}
