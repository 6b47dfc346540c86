// Compares this library with scikit-learn, statsmodels and SciPy, on the results of theirs that are kept in fixtures/.
import { readFileSync } from "node:fs";
import { normalQuantile, wilsonInterval } from "@chimera/kernel";
import { brierBinary, brierMulticlass, logLoss, logLossBinary } from "../calibration.ts";
import { allLabels } from "../class-counts.ts";
import { agreement, binaryF1, classify } from "../classification.ts";
import { clusteredMean } from "../clustered-mean.ts";
import { Confusion } from "../confusion.ts";
import { betaCdf, betaQuantile, chiSquareTail, tQuantile } from "../distributions.ts";
import { kolmogorovSmirnov } from "../kolmogorov-smirnov.ts";
import { mannWhitney, rocAuc } from "../mann-whitney.ts";
import { mcnemarChiSquare, mcnemarExact } from "../mcnemar.ts";
import { meanInterval, RunningMean } from "../mean.ts";
import { benjaminiHochberg, holm } from "../multiplicity.ts";
import { pairedDifference } from "../paired.ts";
import { agrestiCoullInterval, clopperPearsonInterval, twoProportions } from "../proportion.ts";

export interface Comparison {
  /** For example "proportion.wilson". */
  figure: string;
  ours: number;
  reference: number;
  /** |ours - reference| / max(1, |reference|). Not a number where one side is undefined and the other is not. */
  error: number;
}

type Figures = Record<string, readonly [ours: Value, reference: Value]>;
type Value = number | undefined | null | readonly number[];
// biome-ignore format: one line per kind reads best.
interface Cases {
  classification: Record<`${"micro" | "macro" | "weighted"}${0 | 1}`, number> & {
    targets: string; answers: string; positive: string; binary: [number, number]; accuracy: number; mcc: number; kappa: number | null;
  };
  probabilities: { rows: number[][]; targets: number[]; logLoss: number; brier: number };
  binary_probabilities: { p: number[]; y: number[]; brier: number; logLoss: number; auc: number };
  proportion: {
    k: number; n: number; level: number; other: number; pValue: number | null;
    wilson: number[]; clopperPearson: number[]; agrestiCoull: number[];
  };
  discordant: { b: number; c: number; exact: number; chi: number | null };
  clustered: {
    values: number[]; clusters: number[]; mean: number; se: number; low: number; high: number; pValue: number; plain: number[];
  };
  distribution: {
    p: number; df: number; a: number; b: number; x: number; z: number; t: number; beta: number; betaCdf: number; chi: number;
  };
  samples: { first: number[]; second: number[]; u: number; uP: number; d: number; dP: number };
  many_tests: { p: number[]; holm: number[]; bh: number[] };
}

type Kind = keyof Cases;
type Case = { [K in Kind]: { kind: K } & Cases[K] }[Kind];

const FILE = new URL("../fixtures/reference.jsonl", import.meta.url);

/** One list of comparisons per case. */
export function compareWithReferences(): Comparison[][] {
  const lines = readFileSync(FILE, "utf8").trimEnd().split("\n");
  return lines.map((line) => {
    const each: Case = JSON.parse(line);
    return Object.entries(figuresOf(each)).flatMap(([name, [ours, reference]]) =>
      compare(`${each.kind}.${name}`, ours, reference),
    );
  });
}

function figuresOf(each: Case): Figures {
  switch (each.kind) {
    case "classification":
      return classification(each);
    case "probabilities":
      return {
        logLoss: [mean(each.rows.map((row, i) => logLoss(row, each.targets[i] ?? -1))), each.logLoss],
        brier: [mean(each.rows.map((row, i) => brierMulticlass(row, each.targets[i] ?? -1))), each.brier],
      };
    case "binary_probabilities":
      return binaryProbabilities(each);
    case "proportion":
      return proportion(each);
    case "discordant":
      return {
        exact: [mcnemarExact({ onlyFirst: each.b, onlySecond: each.c }), each.exact],
        chi: [mcnemarChiSquare({ onlyFirst: each.b, onlySecond: each.c }), each.chi ?? 1],
      };
    case "clustered":
      return clustered(each);
    case "distribution":
      return {
        z: [normalQuantile(each.p), each.z],
        t: [tQuantile(each.p, each.df), each.t],
        beta: [betaQuantile(each.p, each.a, each.b), each.beta],
        betaCdf: [betaCdf(each.p, each.a, each.b), each.betaCdf],
        chi: [chiSquareTail(each.x, each.df), each.chi],
      };
    case "samples":
      return samples(each);
    case "many_tests":
      return { holm: [holm(each.p), each.holm], bh: [benjaminiHochberg(each.p), each.bh] };
  }
}

function classification(each: Cases["classification"]): Figures {
  const confusion = new Confusion();
  for (const [i, target] of [...each.targets].entries()) {
    const predicted = each.answers[i] ?? "";
    confusion.add({ target, predicted, correct: target === predicted });
  }
  const cells = confusion.cells();
  const labels = allLabels(cells);
  const [zero, one] = [classify(confusion, { labels }), classify(confusion, { labels, zeroDivision: 1 })];
  const { mcc, kappa } = agreement(cells);
  return {
    micro: [
      [zero.microF1, one.microF1],
      [each.micro0, each.micro1],
    ],
    macro: [
      [zero.macroF1, one.macroF1],
      [each.macro0, each.macro1],
    ],
    weighted: [
      [zero.weightedF1, one.weightedF1],
      [each.weighted0, each.weighted1],
    ],
    binary: [[binaryF1(cells, each.positive), binaryF1(cells, each.positive, 1)], each.binary],
    accuracy: [zero.accuracy, each.accuracy],
    mcc: [
      [mcc, zero.mcc],
      [each.mcc, each.mcc],
    ],
    kappa: [kappa, each.kappa],
  };
}

function binaryProbabilities({ p, y, brier, logLoss: loss, auc }: Cases["binary_probabilities"]): Figures {
  const happened = y.map((each) => each === 1);
  return {
    brier: [mean(p.map((each, i) => brierBinary(each, happened[i] ?? false))), brier],
    logLoss: [mean(p.map((each, i) => logLossBinary(each, happened[i] ?? false))), loss],
    auc: [
      rocAuc(
        p.filter((_, i) => happened[i]),
        p.filter((_, i) => !happened[i]),
      ),
      auc,
    ],
  };
}

function proportion({ k, n, level, other, ...reference }: Cases["proportion"]): Figures {
  const both = ({ low, high }: { low: number; high: number }) => [low, high];
  return {
    wilson: [both(wilsonInterval(k, n, level)), reference.wilson],
    clopperPearson: [both(clopperPearsonInterval(k, n, level)), reference.clopperPearson],
    agrestiCoull: [both(agrestiCoullInterval(k, n, level)), reference.agrestiCoull],
    pValue: [twoProportions({ successes: k, n }, { successes: other, n: 2 * n }).pValue, reference.pValue ?? 1],
  };
}

function clustered({ values, clusters, ...reference }: Cases["clustered"]): Figures {
  const of = clusteredMean(values, clusters.map(String));
  const interval = of.interval();
  const alone = new RunningMean();
  for (const value of values) alone.add(value);
  const plain = meanInterval(alone);
  const pairs = values.map((second, i) => ({ first: 0, second, cluster: String(clusters[i]) }));
  const paired = pairedDifference(pairs);
  return {
    mean: [
      [of.estimate().mean, paired.difference],
      [reference.mean, reference.mean],
    ],
    se: [
      [of.estimate().standardError, paired.standardError],
      [reference.se, reference.se],
    ],
    interval: [
      [interval?.low ?? Number.NaN, interval?.high ?? Number.NaN],
      [reference.low, reference.high],
    ],
    pValue: [paired.pValue, reference.pValue],
    plain: [[plain?.low ?? Number.NaN, plain?.high ?? Number.NaN], reference.plain],
  };
}

function samples({ first, second, ...reference }: Cases["samples"]): Figures {
  const [u, ks] = [mannWhitney(first, second), kolmogorovSmirnov(first, second)];
  return {
    mannWhitney: [
      [u.u, u.pValue],
      [reference.u, reference.uP],
    ],
    kolmogorovSmirnov: [
      [ks.d, ks.pValue],
      [reference.d, reference.dP],
    ],
  };
}

function compare(figure: string, ours: Value, reference: Value): Comparison[] {
  const [left, right] = [listed(ours), listed(reference)];
  return Array.from({ length: Math.max(left.length, right.length) }, (_, i) => {
    const [mine, theirs] = [left[i] ?? Number.NaN, right[i] ?? Number.NaN];
    const bothUndefined = Number.isNaN(mine) && Number.isNaN(theirs);
    const error = bothUndefined ? 0 : Math.abs(mine - theirs) / Math.max(1, Math.abs(theirs));
    return { figure, ours: mine, reference: theirs, error };
  });
}

function listed(value: Value): readonly number[] {
  return typeof value === "number" || value === undefined || value === null ? [value ?? Number.NaN] : value;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
