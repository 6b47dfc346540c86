// ListLedger: what was promised and what came of it, with the score it adds up to.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type LedgerEntrySchema,
  type ListLedgerRequest,
  type ListLedgerResponse,
  ListLedgerResponseSchema,
} from "@chimera/contracts/insight";
import type { Context } from "../context.ts";
import { phraseText } from "../figure/phrase.ts";
import type { PredictionState } from "../ledger/loop-state.ts";
import { ledgerSummary } from "../ledger/summary.ts";
import { figureMessage, gainMessage, outcomeMessage } from "./messages.ts";

const DEFAULT_LIMIT = 100;
/** As many as insight has in memory. */
const MAX_LIMIT = 2000;

export function listLedger({ ledger, clock }: Pick<Context, "ledger" | "clock">) {
  return async ({ limit }: ListLedgerRequest): Promise<ListLedgerResponse> => {
    const loop = await ledger.refresh();
    const { records, broken } = await ledger.verify();
    const { figures, judgement } = ledgerSummary(loop, clock.nowMs());
    const states = [...loop.predictions.values()].reverse().slice(0, Math.min(MAX_LIMIT, limit || DEFAULT_LIMIT));
    const fault = ledger.broken ?? broken;
    const chain =
      fault === undefined
        ? `${records} records, each fits the one before it`
        : `record ${fault.sequence} does not fit the one before it: ${fault.reason}`;
    return create(ListLedgerResponseSchema, {
      entries: states.map(entryMessage),
      score: figures.map(figureMessage),
      text: `${phraseText(judgement)}; ${chain}`,
      isWhole: fault === undefined,
    });
  };
}

function entryMessage({ prediction, phase, outcome }: PredictionState): MessageInitShape<typeof LedgerEntrySchema> {
  return {
    prediction: gainMessage(prediction),
    remedy: prediction.remedy,
    madeAt: timestampFromMs(prediction.madeAtMs),
    phase,
    ...(outcome && { outcome: outcomeMessage(prediction, outcome) }),
  };
}
