// A tuning run as tables for a terminal.
import type { Configuration, Estimate, Proposal, Trial, TuneResult } from "@chimera/contracts/evaluator";
import { valueText } from "./eval-text.ts";
import { table } from "./terminal/table.ts";

/** What `chimera tune` knows at the end; a run that had ended before sends no trials, and its front is all there is. */
export interface Tuned {
  trials: readonly Trial[];
  result: TuneResult;
}

export function tuningText({ trials, result }: Tuned): string {
  const shown = trials.length > 0 ? trials : result.front;
  return [
    `run ${result.runId}: ${result.itemsScored} items scored in ${(result.wallMs / 1000).toFixed(1)} s\n`,
    trialsTable(shown, result),
    ...(result.proposal ? [proposalText(result.proposal)] : []),
  ].join("\n");
}

function trialsTable(trials: readonly Trial[], { front }: TuneResult): string {
  const onFront = new Set(front.map(({ number }) => number));
  const rows = trials.map((trial) => [
    `${trial.number}${onFront.has(trial.number) ? " *" : ""}`,
    ...(trial.quality ? qualityCells(trial.quality) : ["–", "–"]),
    trial.quality ? valueText(trial.ttftP50Ms, "ms") : "–",
    trial.quality ? trial.tokensPerItem.toFixed(1) : "–",
    trial.text === "" ? trial.state : `${trial.state}: ${trial.text}`,
    settingsText(trial.configuration),
  ]);
  const header = ["TRIAL", "RIGHT", "95 % INTERVAL", "TTFT P50", "TOKENS", "STATE", "SETTINGS"];
  return `${table(header, rows)}* no other trial is better in one of quality, time and tokens without being worse in another\n`;
}

export function qualityCells({ value, low, high }: Estimate): [string, string] {
  return [valueText(value, "share"), `[${valueText(low, "share")}, ${valueText(high, "share")}]`];
}

/** Only what differs from the plainest settings, for example "shots 4 similar, temperature 0.3". */
export function settingsText(configuration: Configuration | undefined): string {
  const { name = "", model = "", sampling, prompt } = configuration ?? {};
  const parts = [
    name === "baseline" ? "baseline" : "",
    model && `model ${model}`,
    prompt && prompt.template !== "" && prompt.template !== "plain" ? `template ${prompt.template}` : "",
    prompt && prompt.shots > 0 ? `shots ${prompt.shots} ${prompt.shotSelection}` : "",
    prompt && prompt.votes > 1 ? `votes ${prompt.votes}` : "",
    named("temperature", sampling?.temperature),
    named("top_p", sampling?.topP),
    named("top_k", sampling?.topK),
    named("min_p", sampling?.minP),
    named("repetition_penalty", sampling?.repetitionPenalty),
    named("max_tokens", sampling?.maxTokens),
  ].filter((part) => part !== "");
  return parts.length === 0 ? "plain" : parts.join(", ");
}

function named(name: string, value: number | undefined): string {
  return value === undefined ? "" : `${name} ${Number(value.toPrecision(4))}`;
}

export function proposalText(proposal: Proposal): string {
  const { from, to, gain, reasons, isAccepted } = proposal;
  const verdict = isAccepted ? "ACCEPTED by the guard. Nothing was applied." : "REFUSED. Nothing was applied.";
  return [
    `from  ${settingsText(from)}`,
    `to    ${settingsText(to)}\n`,
    table(["MACRO F1 OF THE PROPOSAL", "VALUE", "95 % INTERVAL"], sidesOf(proposal)),
    ...(gain
      ? [
          `gain on the holdout: ${valueText(gain.value, "points")} [${valueText(gain.low, "points")}, ${valueText(gain.high, "points")}]`,
          `  ${gain.method}`,
        ]
      : []),
    tradeOffText(proposal),
    `\n${verdict}`,
    ...reasons.map((reason) => `- ${reason}`),
    "",
  ].join("\n");
}

export function sidesOf({ validation, nested, holdout }: Proposal): string[][] {
  const sides: [name: string, estimate: Estimate | undefined][] = [
    ["validation, fresh items", validation],
    ["validation, nested", nested],
    ["holdout", holdout],
  ];
  return sides.map(([name, estimate]) => [name, ...(estimate ? qualityCells(estimate) : ["–", "not asked"])]);
}

export function tradeOffText({ ttftRatio, tokensRatio }: Proposal): string {
  return `TTFT p50 × ${ttftRatio.toFixed(2)}, tokens an item × ${tokensRatio.toFixed(2)}`;
}
