// A tuning run as one page: the proposal, every trial in order, and quality against time, drawn as SVG.
import type { Trial } from "@chimera/contracts/evaluator";
import { escaped, page, table } from "./eval-html.ts";
import { valueText } from "./eval-text.ts";
import { qualityCells, settingsText, sidesOf, type Tuned, tradeOffText } from "./tune-text.ts";

const WIDTH = 640;
const HEIGHT = 320;
const MARGIN = { left: 60, right: 20, top: 16, bottom: 44 };
const TICKS = 5;

export function tuningHtml({ trials, result }: Tuned): string {
  const shown = trials.length > 0 ? trials : result.front;
  const front = new Set(result.front.map(({ number }) => number));
  return page(`Tuning run ${result.runId}`, [
    ...proposalSection(result),
    "<h2>Quality against time</h2>",
    paretoPlot(shown, front),
    '<p class="soft">Filled: on the front. Bars are 95 % intervals of the share of right answers.</p>',
    "<h2>Trials</h2>",
    trialsPlot(shown),
    trialsTable(shown, front),
  ]);
}

function proposalSection({ proposal }: Tuned["result"]): string[] {
  if (proposal === undefined) return [];
  const { from, to, gain, isAccepted, reasons } = proposal;
  const verdict = isAccepted ? "Accepted by the guard" : "Refused";
  const gained = gain
    ? `<p>Gain on the holdout ${valueText(gain.value, "points")} [${valueText(gain.low, "points")}, ${valueText(gain.high, "points")}]. <span class="soft">${escaped(gain.method)}</span></p>`
    : "";
  return [
    `<p><strong>${verdict}.</strong> Nothing was applied.</p>`,
    reasons.length === 0 ? "" : `<ul>${reasons.map((reason) => `<li>${escaped(reason)}</li>`).join("")}</ul>`,
    table(
      ["", "Settings"],
      [
        ["From", settingsText(from)],
        ["To", settingsText(to)],
      ],
    ),
    table(["Macro F1 of the proposal", "Value", "95 % interval"], sidesOf(proposal)),
    gained,
    `<p>${escaped(tradeOffText(proposal))}</p>`,
  ];
}

function trialsTable(trials: readonly Trial[], front: ReadonlySet<number>): string {
  const rows = trials.map((trial) => [
    String(trial.number),
    ...(trial.quality ? qualityCells(trial.quality) : ["–", "–"]),
    trial.quality ? valueText(trial.ttftP50Ms, "ms") : "–",
    trial.quality ? trial.tokensPerItem.toFixed(1) : "–",
    trial.text === "" ? trial.state : `${trial.state}: ${trial.text}`,
    front.has(trial.number) ? "yes" : "",
    settingsText(trial.configuration),
  ]);
  return table(["Trial", "Right", "95 % interval", "TTFT p50", "Tokens", "State", "Front", "Settings"], rows);
}

interface Dot {
  x: number;
  trial: Trial;
  isFilled: boolean;
}

function paretoPlot(trials: readonly Trial[], front: ReadonlySet<number>): string {
  const dots = trials.map((trial) => ({ x: trial.ttftP50Ms, trial, isFilled: front.has(trial.number) }));
  return plot(dots, { label: "quality against time to first token", unit: "TTFT p50, ms" });
}

function trialsPlot(trials: readonly Trial[]): string {
  const dots = trials.map((trial) => ({ x: trial.number, trial, isFilled: trial.isBest }));
  return plot(dots, { label: "quality by trial", unit: "trial; filled: the best so far" });
}

function plot(dots: readonly Dot[], { label, unit }: { label: string; unit: string }): string {
  const measured = dots.filter(({ trial }) => trial.quality !== undefined);
  if (measured.length === 0) return "<p>No trial was measured.</p>";
  const x = scaleOf(
    measured.map((dot) => dot.x),
    { from: MARGIN.left, to: WIDTH - MARGIN.right },
  );
  const bounds = measured.flatMap(({ trial }) => [trial.quality?.low ?? 0, trial.quality?.high ?? 0]);
  const y = scaleOf(bounds, { from: HEIGHT - MARGIN.bottom, to: MARGIN.top });
  const shape = `viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}"`;
  const marks = measured.map(({ x: at, trial, isFilled }) => mark(trial, { x: x.place(at), y: y.place, isFilled }));
  return [
    `<svg ${shape} role="img" aria-label="${label}">`,
    ...x.ticks.map((tick) => text(x.place(tick), HEIGHT - MARGIN.bottom + 18, Number(tick.toPrecision(3)).toString())),
    ...y.ticks.map((tick) => text(MARGIN.left - 24, y.place(tick) + 4, valueText(tick, "share"))),
    text((MARGIN.left + WIDTH) / 2, HEIGHT - 6, unit),
    ...marks,
    "</svg>",
  ].join("\n");
}

function mark(
  trial: Trial,
  { x, y, isFilled }: { x: number; y: (value: number) => number; isFilled: boolean },
): string {
  const { value = 0, low = 0, high = 0 } = trial.quality ?? {};
  const title = `trial ${trial.number}: ${valueText(value, "share")}, ${settingsText(trial.configuration)}`;
  return (
    `<g stroke="#3b82f6" fill="${isFilled ? "#3b82f6" : "none"}"><title>${escaped(title)}</title>` +
    `<line x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${y(low).toFixed(1)}" y2="${y(high).toFixed(1)}" stroke-opacity="0.35"/>` +
    `<circle cx="${x.toFixed(1)}" cy="${y(value).toFixed(1)}" r="4.5" stroke-width="1.5"/></g>`
  );
}

function scaleOf(values: readonly number[], { from, to }: { from: number; to: number }) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low || 1;
  return {
    place: (value: number) => from + ((value - low) / span) * (to - from),
    ticks: high === low ? [low] : Array.from({ length: TICKS }, (_, i) => low + (span * i) / (TICKS - 1)),
  };
}

function text(x: number, y: number, content: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="middle">${escaped(content)}</text>`;
}
