// Overload: more arrives than the engines take, seen first as waiting and then as refusals.
import { phrase } from "../figure/phrase.ts";
import type { FigureSet, Risk, RiskState } from "./risk.ts";

const REFUSED_WATCH = 0.001;
const REFUSED_ALARM = 0.01;
const QUEUE_WATCH = 0.5;

export function overload(figures: FigureSet): Risk {
  const refused = figures.get("overload.refused_share");
  const queue = figures.get("overload.queue_share_p95");
  return {
    id: "overload",
    name: "Overload",
    state: stateOf(refused?.value, queue?.value),
    sign:
      refused?.value === undefined || queue === undefined
        ? phrase("no request in the window")
        : phrase("refused ", refused, ", queue share of TTFT in the tail ", queue),
    rule: `watch from ${REFUSED_WATCH * 100} % refused or ${QUEUE_WATCH * 100} % queue share, alarm from ${REFUSED_ALARM * 100} % refused`,
    mitigation: "Add engine slots or replicas, or spread the load; clients should retry with back-off.",
    figureIds: ["overload.refused_share", "overload.queue_share_p95", "errors.count"],
  };
}

/** Without an engine answer there is no queue to judge, and refusals alone decide. */
function stateOf(refused: number | undefined, queueShare = 0): RiskState {
  if (refused === undefined) return "unknown";
  if (refused >= REFUSED_ALARM) return "alarm";
  return refused >= REFUSED_WATCH || queueShare >= QUEUE_WATCH ? "watch" : "ok";
}
