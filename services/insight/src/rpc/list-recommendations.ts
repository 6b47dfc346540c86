// ListRecommendations: what could be done, each with its promise, and why the rest is not.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type ListRecommendationsRequest,
  type ListRecommendationsResponse,
  ListRecommendationsResponseSchema,
  type RecommendationSchema,
} from "@chimera/contracts/insight";
import type { LoopContext } from "../context.ts";
import { offerId } from "../observe/offers.ts";
import type { Declined, Recommendation } from "../remedy/recommendations.ts";
import type { Change, ProofDesign, Undo } from "../remedy/remedy.ts";
import { gainMessage } from "./messages.ts";

type Message = MessageInitShape<typeof RecommendationSchema>;

export function listRecommendations({ advise, mode }: Pick<LoopContext, "advise" | "mode">) {
  return async ({ windowS }: ListRecommendationsRequest): Promise<ListRecommendationsResponse> => {
    const { recommended, declined } = await advise(windowS);
    const messages = [...recommended.map(recommendedMessage), ...declined.map(declinedMessage)];
    return create(ListRecommendationsResponseSchema, { recommendations: messages, mode });
  };
}

function recommendedMessage(recommendation: Recommendation): Message {
  const { remedy, title, predictions, change, undo, proof, gainPerCost } = recommendation;
  return {
    id: offerId(recommendation),
    ...{ remedy, title },
    state: "recommended",
    reason: `lower end of the expected gain ÷ share of today's spending: ${gainPerCost.toFixed(2)}`,
    predictions: predictions.map(gainMessage),
    change: changeText(change),
    undo: undoText(undo),
    proof: proofText(proof),
  };
}

const STATES: Readonly<Record<Declined["kind"], string>> = {
  "not applicable": "not possible",
  "no gain expected": "no gain expected",
  "measure first": "measure first",
  "ranked lower": "ranked lower",
};

function declinedMessage({ remedy, title, kind, why }: Declined): Message {
  return { remedy, title, state: STATES[kind], reason: why };
}

function changeText(change: Change): string {
  switch (change.kind) {
    case "settings":
      return `settings: ${JSON.stringify(change.settings)}`;
    case "warm":
      return `warm-up of at most ${change.maxAnswers} answers and ${change.tokenBudget} tokens, ${percent(change.controlShare)} of the questions left cold`;
    case "prune":
      return "answers that were never served are taken out";
    case "replicas":
      return `${change.replicas} replicas`;
  }
}

function undoText(undo: Undo): string {
  switch (undo.kind) {
    case "previous settings":
      return "the settings that were in force before";
    case "undo prune":
      return "what was taken out is put back";
    case "replicas":
      return `${undo.replicas} replicas`;
    case "none":
      return `nothing to take back: ${undo.why}`;
  }
}

function proofText({ kind, blockMs, maxLengthMs, minN, guardrails }: ProofDesign): string {
  const length = blockMs === undefined ? "" : ` of ${Math.round(blockMs / 1000)} s`;
  const bounds = guardrails.map(({ figure, most }) => `${figure} +${percent(most)}`).join(", ");
  return `${kind}${length}, at most ${Math.round(maxLengthMs / 1000)} s, at least ${minN} on each side; ended at once by ${bounds}`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
