// A simulation as a file for programs.
import type { Simulation } from "./simulation.ts";

export function simulationJson({ requests, uniqueBytes, outcomes }: Simulation): string {
  const rows = outcomes.map((outcome) => ({
    ...outcome,
    hitRatio: ratio(outcome.hits, outcome.requests),
    hitByteRatio: ratio(outcome.hitBytes, outcome.bytes),
    savedComputeRatio: ratio(outcome.savedMs, outcome.computeMs),
  }));
  return `${JSON.stringify({ requests, uniqueBytes, outcomes: rows }, undefined, 2)}\n`;
}

/** Null where nothing was counted. */
function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
