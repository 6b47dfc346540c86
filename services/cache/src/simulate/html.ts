// A simulation as one page without anything from elsewhere: hit ratio against size, a line for each policy, and the figures below.
import type { Outcome, Simulation } from "./simulation.ts";

const PLOT = { width: 720, height: 400, left: 56, right: 120, top: 16, bottom: 48 };
/** Told apart by people who see few colours as well (Okabe and Ito 2008). */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

export function simulationHtml(simulation: Simulation): string {
  const byPolicy = [...Map.groupBy(simulation.outcomes, ({ policy }) => policy)];
  const scale = scaleOf(simulation.outcomes);
  const lines = byPolicy.map(([policy, outcomes], at) => lineOf(policy, outcomes, { scale, at }));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Cache simulation</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
svg { width: 100%; height: auto } text { font: 12px system-ui, sans-serif; fill: #444 }
table { border-collapse: collapse } td, th { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd }
td:nth-child(2), th:nth-child(2) { text-align: left }
</style>
<h1>Hit ratio against size</h1>
<p>${simulation.requests} requests, of which the last ${simulation.outcomes[0]?.requests ?? 0} are counted. All different answers
together: ${mebibytes(simulation.uniqueBytes)} MiB. The optimum knows the future and lets go of what is asked for latest.</p>
<svg viewBox="0 0 ${PLOT.width} ${PLOT.height}" role="img" aria-label="Hit ratio against size, a line for each policy">
${axes(simulation.outcomes, scale)}
${lines.join("\n")}
</svg>
<table>
<tr><th>Size, MiB<th>Policy<th>Hits<th>Hit bytes<th>Compute saved<th>µs a decision</tr>
${simulation.outcomes.map(rowOf).join("\n")}
</table>
</html>
`;
}

interface Scale {
  x(bytes: number): number;
  y(share: number): number;
  /** The highest hit ratio that is drawn. */
  top: number;
}

/** Sizes on a logarithmic axis; hit ratios from 0 to the next tenth above the best. */
function scaleOf(outcomes: readonly Outcome[]): Scale {
  const logs = outcomes.map(({ capacityBytes }) => Math.log(capacityBytes));
  const [least, most] = [Math.min(...logs), Math.max(...logs)];
  const top = Math.max(0.1, Math.ceil(10 * Math.max(0, ...outcomes.map(hitRatio))) / 10);
  const { width, height, left, right, top: above, bottom } = PLOT;
  return {
    x: (bytes) => left + ((width - left - right) * (Math.log(bytes) - least)) / (most - least || 1),
    y: (share) => height - bottom - ((height - above - bottom) * share) / top,
    top,
  };
}

function axes(outcomes: readonly Outcome[], { x, y, top }: Scale): string {
  const { width, height, left, right, bottom } = PLOT;
  const ratios = Array.from({ length: Math.round(10 * top) + 1 }, (_, tenth) => tenth / 10);
  const sizes = [...new Set(outcomes.map(({ capacityBytes }) => capacityBytes))];
  return [
    ...ratios.map(
      (ratio) =>
        `<line x1="${left}" x2="${width - right}" y1="${y(ratio)}" y2="${y(ratio)}" stroke="#ddd"/><text x="${left - 8}" y="${y(ratio) + 4}" text-anchor="end">${Math.round(100 * ratio)} %</text>`,
    ),
    ...sizes.map(
      (bytes) => `<text x="${x(bytes)}" y="${height - bottom + 18}" text-anchor="middle">${mebibytes(bytes)}</text>`,
    ),
    `<text x="${(left + width - right) / 2}" y="${height - 8}" text-anchor="middle">capacity, MiB</text>`,
  ].join("\n");
}

/** The optimum is dashed: nothing real is drawn there. */
function lineOf(policy: string, outcomes: readonly Outcome[], { scale, at }: { scale: Scale; at: number }): string {
  const sorted = outcomes.toSorted((a, b) => a.capacityBytes - b.capacityBytes);
  const points = sorted.map(
    (outcome) => `${scale.x(outcome.capacityBytes).toFixed(1)},${scale.y(hitRatio(outcome)).toFixed(1)}`,
  );
  const colour = policy === "optimum" ? "#222" : (COLOURS[at % COLOURS.length] ?? "#222");
  const dashes = policy === "optimum" ? ' stroke-dasharray="5 4"' : "";
  const marks = points.map((point) => `<circle cx="${point.replace(",", '" cy="')}" r="3" fill="${colour}"/>`).join("");
  const legendY = PLOT.top + 14 + 18 * at;
  const legendX = PLOT.width - PLOT.right + 16;
  return `<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>${marks}
<line x1="${legendX}" x2="${legendX + 18}" y1="${legendY}" y2="${legendY}" stroke="${colour}" stroke-width="2"${dashes}/><text x="${legendX + 24}" y="${legendY + 4}">${policy}</text>`;
}

function rowOf(outcome: Outcome): string {
  const { policy, capacityBytes, hitBytes, bytes, savedMs, computeMs, decisionUs } = outcome;
  const cells = [hitRatio(outcome), hitBytes / bytes, savedMs / computeMs].map(
    (share) => `<td>${(100 * share || 0).toFixed(1)} %`,
  );
  return `<tr><td>${mebibytes(capacityBytes)}<td>${policy}${cells.join("")}<td>${decisionUs.toFixed(1)}</tr>`;
}

function hitRatio({ hits, requests }: Outcome): number {
  return requests === 0 ? 0 : hits / requests;
}

function mebibytes(bytes: number): string {
  const size = bytes / 1024 ** 2;
  return size >= 100 ? size.toFixed(0) : size.toPrecision(3);
}
