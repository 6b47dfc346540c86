// A recording through the step loop: the same arrivals, lengths and reuse, the times as the parameters have them.
import type { SimulationParameters } from "../parameters.ts";
import { type Job, Sequence } from "../sequence.ts";
import { runTrace, type TraceRequest } from "../simulate.ts";
import type { PlannedStep } from "../step-loop.ts";
import type { SpanRow } from "./rows.ts";

/** What the recorder can not know is no limit in a replay. */
const AMPLE_KV_BLOCKS = 16_777_216;

/** Sizes of the recorded engine; the costs are still to be found. */
export function parametersFor(
  rows: readonly SpanRow[],
  base: SimulationParameters,
  fitted: Partial<SimulationParameters>,
): SimulationParameters {
  return {
    ...base,
    ...fitted,
    slots: Math.min(base.stepTokens, rows[0]?.slots ?? base.slots),
    maxQueued: rows.length,
    kvBlocks: AMPLE_KV_BLOCKS,
  };
}

export interface Replayed {
  row: SpanRow;
  sequence: Sequence;
}

const SEED = 1;

/** Nothing is refused: what was recorded had been served. */
export function replay(rows: readonly SpanRow[], parameters: SimulationParameters, seed = SEED): Replayed[] {
  const { entries } = runTrace(rows.map(requestOf), parameters, { seed });
  return pairs(rows, entries);
}

/**
 * The steps that the recorded requests went through: those of the replay, but a request comes when it was first chosen, and a
 * step that draws a first or a last token ends when that was recorded. So costs that are still wrong go wrong for a few steps
 * only.
 */
export function reconstruct(rows: readonly SpanRow[], parameters: SimulationParameters): Replayed[] {
  const { stepMs, sequenceMs } = parameters.cost;
  // Between two recorded moments the steps may be a little late, and must not miss whom they took along.
  const toleranceMs = (stepMs + sequenceMs) / 2;
  const chosen = rows
    .map((row) => ({ row, atMs: row.arrived_ms + Math.max(0, row.queue_ms - toleranceMs) }))
    .sort((a, b) => a.atMs - b.atMs);
  const rowsByJob = new Map<Job, SpanRow>();
  const trace = chosen.map(({ row, atMs }) => {
    const request = { ...requestOf(row), arrivedMs: atMs };
    rowsByJob.set(request, row);
    return request;
  });
  const endOfStep = ({ startMs, endMs, sequences }: PlannedStep) => {
    const seenMs = sequences.flatMap((sequence) => recordedEndMs(sequence, rowsByJob.get(sequence.job)) ?? []);
    const latestMs = Math.max(...seenMs);
    return latestMs > startMs ? latestMs : endMs;
  };
  // What is recorded needs neither preparation nor chance.
  const exact = { tokeniseMs: 0, tokeniseTokenMs: 0, cleanUpMs: 0, joinDelaySteps: 0, driftSd: 0, stallEveryMs: 0 };
  const known = { ...parameters, ...exact };
  const { entries } = runTrace(trace, known, { seed: SEED, endOfStep });
  return pairs(
    chosen.map(({ row }) => row),
    entries,
  );
}

/** When the token that this step draws was recorded, where it was. */
function recordedEndMs(sequence: Sequence, row: SpanRow | undefined): number | undefined {
  const { computedTokens, scheduledTokens, knownTokens, generatedTokens, job } = sequence;
  if (row === undefined || computedTokens + scheduledTokens < knownTokens) return undefined;
  if (generatedTokens === job.completionTokens - 1) return row.arrived_ms + row.total_ms;
  return generatedTokens === 0 ? row.arrived_ms + row.first_token_ms : undefined;
}

function pairs(rows: readonly SpanRow[], entries: readonly (Sequence | string)[]): Replayed[] {
  return rows.flatMap((row, index) => {
    const sequence = entries[index];
    return sequence instanceof Sequence ? [{ row, sequence }] : [];
  });
}

function requestOf(row: SpanRow): TraceRequest {
  return {
    arrivedMs: row.arrived_ms,
    promptTokens: row.prompt_tokens,
    completionTokens: row.completion_tokens,
    cachedTokens: row.cached_tokens,
  };
}
