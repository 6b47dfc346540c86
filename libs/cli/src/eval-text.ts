// An evaluation or a comparison as tables for a terminal.
import type { CompareResult, Estimate, EvaluateResult } from "@chimera/contracts/evaluator";
import { table } from "./terminal/table.ts";

export type Unit = "share" | "points" | "ms" | "ratio" | "plain";

export interface NamedEstimate {
  name: string;
  unit: Unit;
  estimate: Estimate;
}

/** Every figure the result has, in the order a reader wants them. */
export function figuresOf(result: EvaluateResult): NamedEstimate[] {
  const fixed: [name: string, unit: Unit, estimate: Estimate | undefined][] = [
    ["accuracy", "share", result.accuracy],
    ["macro F1", "share", result.macroF1],
    ["micro F1", "share", result.microF1],
    ["weighted F1", "share", result.weightedF1],
    ["MCC", "plain", result.mcc],
    ...Object.entries(result.scores).map(([name, score]): [string, Unit, Estimate] => [name, "plain", score]),
    ["TTFT p50", "ms", result.ttftP50Ms],
    ["TTFT p95", "ms", result.ttftP95Ms],
  ];
  return fixed.flatMap(([name, unit, estimate]) => (estimate === undefined ? [] : [{ name, unit, estimate }]));
}

export function evaluationText(result: EvaluateResult): string {
  return [
    `${headline(result)}\n`,
    estimatesTable(figuresOf(result)),
    ...(result.classes.length > 0 ? [classesTable(result), confusionText(result)] : []),
    ...(result.failures.length > 0 ? [failuresTable(result)] : []),
  ].join("\n");
}

export function headline(result: EvaluateResult): string {
  const { dataset, split, n, failed, clusters, model, modelVersion, wallMs, runId } = result;
  const groups = clusters < n ? ` in ${clusters} clusters` : "";
  const failures = failed > 0 ? `, ${failed} failed and count as wrong` : "";
  const by = Object.entries(result.scoredBy)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
  return [
    `${dataset} ${split}: ${n} answers${groups}${failures}`,
    `model ${model || "unknown"} ${modelVersion}, ${result.tokensPerItem.toFixed(1)} tokens an answer`,
    `run ${runId}, ${(wallMs / 1000).toFixed(1)} s, scored by ${by}`,
  ].join("\n");
}

export function estimatesTable(estimates: readonly NamedEstimate[]): string {
  const rows = estimates.map(({ name, unit, estimate }) => {
    const { value, low, high, method } = estimate;
    return [name, valueText(value, unit), `[${valueText(low, unit)}, ${valueText(high, unit)}]`, method];
  });
  return table(["FIGURE", "VALUE", "95 % INTERVAL", "METHOD"], rows);
}

export function valueText(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return "–";
  if (unit === "share") return `${(100 * value).toFixed(1)} %`;
  if (unit === "points") return `${value < 0 ? "" : "+"}${(100 * value).toFixed(1)} pp`;
  return unit === "ms" ? `${value.toFixed(1)} ms` : value.toFixed(3);
}

function classesTable({ classes }: EvaluateResult): string {
  const share = (value: number) => valueText(value, "share");
  const rows = classes.map((each) => [
    each.label,
    share(each.precision),
    share(each.recall),
    share(each.f1),
    String(each.support),
  ]);
  return table(["CLASS", "PRECISION", "RECALL", "F1", "ITEMS"], rows);
}

/** Answers that name no class are the last column. */
export const NO_CLASS = "none";
/** A wider matrix fits no terminal; the class table tells the same. */
const MAX_COLUMNS = 16;

export function confusionMatrix({ classes, confusion }: EvaluateResult): { labels: string[]; counts: number[][] } {
  const labels = classes.map(({ label }) => label);
  const columns = [...labels, ""];
  const counts = labels.map((target) =>
    columns.map((predicted) =>
      confusion
        .filter((cell) => cell.target === target && cell.predicted === predicted)
        .reduce((sum, { count }) => sum + count, 0),
    ),
  );
  return { labels, counts };
}

function confusionText(result: EvaluateResult): string {
  const { labels, counts } = confusionMatrix(result);
  if (labels.length > MAX_COLUMNS) return "";
  const rows = counts.map((row, at) => [labels[at] ?? "", ...row.map((count) => (count === 0 ? "·" : String(count)))]);
  return table(["TARGET \\ GIVEN", ...labels, NO_CLASS], rows);
}

function failuresTable({ failures }: EvaluateResult): string {
  return table(
    ["FAILED ITEM", "STATUS", "WHY"],
    failures.map(({ itemId, status, message }) => [itemId, status, message]),
  );
}

export function comparisonText(result: CompareResult): string {
  const { baseline, candidate } = result;
  const sides = (pick: (side: EvaluateResult | undefined) => string) => [pick(baseline), pick(candidate)];
  const share = (estimate: Estimate | undefined) => (estimate ? valueText(estimate.value, "share") : "–");
  const rows = [
    ["accuracy", ...sides((side) => share(side?.accuracy))],
    ["macro F1", ...sides((side) => share(side?.macroF1))],
    ["TTFT p50", ...sides((side) => (side?.ttftP50Ms ? valueText(side.ttftP50Ms.value, "ms") : "–"))],
    ["tokens an answer", ...sides((side) => (side?.tokensPerItem ?? 0).toFixed(1))],
    ["failed", ...sides((side) => String(side?.failed ?? 0))],
  ];
  const { onlyBaselineRight, onlyCandidateRight, mcnemarP, stoppedAt, pairsFor1pp } = result;
  return [
    `${baseline?.dataset} ${baseline?.split}: ${baseline?.n} pairs, run ${baseline?.runId}\n`,
    table(["", "BASELINE", "CANDIDATE"], rows),
    estimatesTable(differencesOf(result)),
    `only the baseline right: ${onlyBaselineRight}, only the candidate: ${onlyCandidateRight}, McNemar exact p = ${mcnemarP.toPrecision(3)}`,
    ...(stoppedAt > 0 ? [`stopped early: ${stoppedAt} pairs were enough`] : []),
    `pairs to tell 1 percentage point with 80 % power: ${pairsFor1pp}`,
    `\n${result.verdict.toUpperCase()}: ${result.text}\n`,
  ].join("\n");
}

export function differencesOf(result: CompareResult): NamedEstimate[] {
  const all: [name: string, unit: Unit, estimate: Estimate | undefined][] = [
    ["accuracy difference", "points", result.accuracyDifference],
    ["macro F1 difference", "points", result.macroF1Difference],
    ["TTFT ratio", "ratio", result.ttftRatio],
  ];
  return all.flatMap(([name, unit, estimate]) => (estimate === undefined ? [] : [{ name, unit, estimate }]));
}
