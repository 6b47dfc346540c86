// Tells the mesh of what the ledger has stored: a promise made, and what came of it.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { OutcomeSettledSchema, PredictionMadeSchema } from "@chimera/contracts/events";
import type { ChimeraEvent } from "@chimera/events";
import type { Outcome, Prediction } from "./prediction.ts";
import type { LedgerRecord } from "./record.ts";

/** Undefined for records that nobody outside of the loop is told of. Its id makes a second telling harmless. */
export function announcementOf(record: LedgerRecord): { event: ChimeraEvent; id: string } | undefined {
  const { entry, sequence, hash } = record;
  const place = { ledgerSequence: BigInt(sequence), ledgerHash: hash };
  const id = `ledger-${sequence}-${hash.slice(0, 16)}`;
  if (entry.kind === "prediction-made") return { event: predictionMade(entry.prediction, place), id };
  if (entry.kind === "outcome-settled") return { event: outcomeSettled(entry.outcome, place), id };
  return undefined;
}

interface Place {
  ledgerSequence: bigint;
  ledgerHash: string;
}

function predictionMade(prediction: Prediction, place: Place): ChimeraEvent {
  const { id, madeAtMs, remedy, metric, baseline, change, method, decisionRule } = prediction;
  const message = create(PredictionMadeSchema, {
    ...{ remedy, metric, method, decisionRule, ...place },
    predictionId: id,
    at: timestampFromMs(madeAtMs),
    baseline: baseline.value,
    baselineN: BigInt(baseline.n),
    relative: change.relative,
    low50: change.interval50.low,
    high50: change.interval50.high,
    low90: change.interval90.low,
    high90: change.interval90.high,
  });
  return { kind: "predictionMade", message };
}

function outcomeSettled(outcome: Outcome, place: Place): ChimeraEvent {
  const { predictionId, settledAtMs, relative, interval95, n, design, verdict, reason } = outcome;
  const message = create(OutcomeSettledSchema, {
    ...{ predictionId, design, verdict, reason, ...place },
    at: timestampFromMs(settledAtMs),
    n: BigInt(n),
    ...(relative !== undefined && { relative }),
    ...(interval95 !== undefined && { low95: interval95.low, high95: interval95.high }),
  });
  return { kind: "outcomeSettled", message };
}
