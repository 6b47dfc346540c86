// GuardStatus: what is left of the looks at a holdout, and every early sign of overfitting, those without data too.
import { create } from "@bufbuild/protobuf";
import {
  type GuardStatusRequest,
  type GuardStatusResponse,
  GuardStatusResponseSchema,
} from "@chimera/contracts/evaluator";
import type { Context } from "../context.ts";
import { splitName } from "../dataset/catalogue.ts";
import {
  calibrationSign,
  fragileOptimumSign,
  holdoutBudgetSign,
  inputDriftSign,
  judgeAgreementSign,
  leakSign,
  lengthDriftSign,
  type Sign,
  seedVarianceSign,
  sliceRegressionSign,
  splitGapSign,
  unseenOnlineSign,
} from "../guard/index.ts";
import { flatSign, kindOf } from "../tuning/gate.ts";
import { meterOf } from "../tuning/guard-book.ts";
import { toSign } from "../tuning/messages.ts";

export type GuardStatusContext = Pick<Context, "datasets" | "random" | "tuning" | "online" | "evaluated">;

export function guardStatus(context: GuardStatusContext) {
  return async (request: GuardStatusRequest): Promise<GuardStatusResponse> => {
    const { book, looks: budget } = context.tuning;
    const name = splitName(request.dataset, "holdout");
    const { hash } = await context.datasets.load(name);
    const page = await book.read(name.dataset);
    const meter = meterOf(page, { holdout: { hash }, looks: budget, random: context.random });
    const known = [holdoutBudgetSign({ looks: meter.looks, budget: meter.budget }), context.online.inputDrift()];
    // What a tuning run said of the gap goes before plain evaluations.
    const signs = allSigns([...known, ...page.signs, context.evaluated.gap(name.dataset)]);
    const isSpent = meter.looks >= meter.budget;
    return create(GuardStatusResponseSchema, {
      dataset: name.dataset,
      looksAllowed: meter.budget,
      looksUsed: meter.looks,
      signs: signs.map((sign) => toSign(sign, UNITS[kindOf(sign.name)] ?? "share")),
      remedy: isSpent
        ? "All looks are spent: bring in fresh labelled items as a new holdout, and move these to validation."
        : "When they are spent, bring in fresh labelled items as a new holdout, and move these to validation.",
    });
  };
}

const UNITS: Readonly<Record<string, string>> = {
  "seed variance against the gain": "standard deviation",
  "realised over predicted gain": "ratio",
  "judge against people": "kappa",
  "input drift": "stability index",
};

/** In one order; what nobody has measured yet says so, with its rule. */
function allSigns(known: readonly Sign[]): Sign[] {
  const byKind = new Map(known.toReversed().map((sign) => [kindOf(sign.name), sign]));
  return unmeasured().map((sign) => byKind.get(kindOf(sign.name)) ?? sign);
}

function unmeasured(): Sign[] {
  const agreement = { kappa: 0, low: 0, high: 0, n: 0 };
  return [
    splitGapSign({ sides: "validation - holdout", left: [], right: [], earlier: [] }),
    flatSign([]),
    holdoutBudgetSign({ looks: 0, budget: 1 }),
    seedVarianceSign([], 0),
    fragileOptimumSign([]),
    sliceRegressionSign([]),
    leakSign([], 0),
    calibrationSign([], []),
    lengthDriftSign([], []),
    judgeAgreementSign(agreement, agreement),
    unseenOnlineSign({ predicted: 0, realised: 0, standardError: 0, n: 0 }),
    inputDriftSign({ value: Number.NaN, pValue: 1, n: 0 }),
  ];
}
