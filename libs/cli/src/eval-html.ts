// An evaluation or a comparison as one HTML page that needs nothing but itself.
import type { CompareResult, EvaluateResult } from "@chimera/contracts/evaluator";
import {
  confusionMatrix,
  differencesOf,
  figuresOf,
  headline,
  type NamedEstimate,
  NO_CLASS,
  valueText,
} from "./eval-text.ts";

const STYLE = `
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent); }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.soft { opacity: .7; white-space: pre-line; }
svg { max-width: 100%; height: auto; }
svg text { fill: currentColor; font-size: 12px; }`;

export function evaluationHtml(result: EvaluateResult): string {
  const title = `Evaluation of ${result.dataset} ${result.split}`;
  return page(title, [
    `<p class="soft">${escaped(headline(result))}</p>`,
    estimates(figuresOf(result)),
    ...classSections(result),
    failures(result),
    `<p class="soft">Data ${escaped(result.datasetHash)}</p>`,
  ]);
}

export function comparisonHtml(result: CompareResult): string {
  const { baseline, candidate } = result;
  const title = `Comparison on ${baseline?.dataset ?? ""} ${baseline?.split ?? ""}`;
  const sides = [
    ["Baseline", baseline],
    ["Candidate", candidate],
  ] as const;
  return page(title, [
    `<p><strong>${escaped(result.verdict)}</strong>. ${escaped(result.text)}</p>`,
    estimates(differencesOf(result)),
    `<p>Only the baseline right: ${result.onlyBaselineRight}; only the candidate: ${result.onlyCandidateRight}; ` +
      `McNemar exact p = ${result.mcnemarP.toPrecision(3)}. Pairs for 1 percentage point: ${result.pairsFor1pp}.</p>`,
    ...sides.flatMap(([name, side]) =>
      side === undefined ? [] : [`<h2>${name}</h2>`, estimates(figuresOf(side)), ...classSections(side)],
    ),
  ]);
}

export function page(title: string, sections: readonly string[]): string {
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>`,
    `<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head>`,
    `<body><h1>${escaped(title)}</h1>`,
    ...sections,
    "</body></html>\n",
  ].join("\n");
}

function estimates(figures: readonly NamedEstimate[]): string {
  const rows = figures.map(({ name, unit, estimate }) => {
    const { value, low, high, method } = estimate;
    return [name, valueText(value, unit), `[${valueText(low, unit)}, ${valueText(high, unit)}]`, method];
  });
  return table(["Figure", "Value", "95 % interval", "Method"], rows);
}

function classSections(result: EvaluateResult): string[] {
  if (result.classes.length === 0) return [];
  const share = (value: number) => valueText(value, "share");
  const rows = result.classes.map(({ label, precision, recall, f1, support }) => [
    label,
    share(precision),
    share(recall),
    share(f1),
    String(support),
  ]);
  return [
    "<h2>Classes</h2>",
    table(["Class", "Precision", "Recall", "F1", "Items"], rows),
    "<h2>What was given for what</h2>",
    confusionSvg(result),
  ];
}

function failures({ failures: all }: EvaluateResult): string {
  if (all.length === 0) return "";
  const rows = all.map(({ itemId, status, message }) => [itemId, status, message]);
  return `<h2>Failed items</h2>${table(["Item", "Status", "Why"], rows)}`;
}

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = header.map((cell) => `<th>${escaped(cell)}</th>`).join("");
  const body = rows.map((row) => `<tr>${row.map(cellOf).join("")}</tr>`).join("\n");
  return `<table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table>`;
}

function cellOf(text: string): string {
  return `<td${/^[[\d–-]/.test(text) ? ' class="number"' : ""}>${escaped(text)}</td>`;
}

const CELL = 44;
const LEFT = 120;
const TOP = 90;
const MAX_LABEL = 16;

/** Rows are targets, each as dark as its share of the row; the last column is for answers that name no class. */
function confusionSvg(result: EvaluateResult): string {
  const { labels, counts } = confusionMatrix(result);
  const columns = [...labels, NO_CLASS];
  const width = LEFT + columns.length * CELL;
  const height = TOP + labels.length * CELL;
  const heads = columns.map((label, at) => {
    const x = LEFT + at * CELL + CELL / 2;
    return `<text transform="translate(${x},${TOP - 8}) rotate(-45)">${escaped(label.slice(0, MAX_LABEL))}</text>`;
  });
  const rows = counts.map((row, y) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    const top = TOP + y * CELL;
    const cells = row.map((count, x) =>
      cell({ x: LEFT + x * CELL, y: top, count, share: total === 0 ? 0 : count / total }),
    );
    const name = escaped((labels[y] ?? "").slice(0, MAX_LABEL));
    return `<text x="${LEFT - 8}" y="${top + CELL / 2 + 4}" text-anchor="end">${name}</text>${cells.join("")}`;
  });
  const shape = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`;
  return `<svg ${shape} role="img" aria-label="confusion matrix">${[...heads, ...rows].join("\n")}</svg>`;
}

function cell({ x, y, count, share }: { x: number; y: number; count: number; share: number }): string {
  const size = CELL - 2;
  const box = `<rect x="${x}" y="${y}" width="${size}" height="${size}" fill="#3b82f6" fill-opacity="${(0.05 + 0.85 * share).toFixed(3)}"/>`;
  if (count === 0) return box;
  return `${box}<text x="${x + size / 2}" y="${y + size / 2 + 4}" text-anchor="middle">${count}</text>`;
}

export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
