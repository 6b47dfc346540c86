// How numbers look to a reader: three significant digits where more would be noise, the unit always beside them.

import type { FigureId, Unit } from "./definitions.ts";
import type { Figure } from "./figure.ts";

/** Differences of two shares, shown in percentage points. */
const differences: ReadonlySet<FigureId> = new Set<FigureId>([
  "quality.gap_validation_holdout",
  "drift.live_accuracy_change",
  "total.hit_ratio_change",
]);

/** Changes, shown with their sign. */
const changes: ReadonlySet<FigureId> = new Set<FigureId>([
  "loop.predicted_change",
  "loop.predicted_change_50",
  "loop.realised_change",
  "total.ttft_p50_change",
  "total.hit_ratio_change",
  "drift.live_accuracy_change",
]);

/** What a figure without a value shows. */
export const NO_DATA = "no data";

/** The value with its unit, or "no data". */
export function formatFigure(figure: Figure): string {
  if (figure.value === undefined) return NO_DATA;
  if (changes.has(figure.id)) return `${signed(figure.value)} ${shareUnit(figure)}`;
  if (differences.has(figure.id)) return `${decimals(figure.value * 100)} pp`;
  return formatNumber(figure.value, figure.unit);
}

/** "low – high" with the unit, or nothing where the figure has no interval. */
export function formatInterval(figure: Figure): string {
  if (figure.interval === undefined) return "";
  const { low, high } = figure.interval;
  if (changes.has(figure.id)) return `${signed(low)} – ${signed(high)} ${shareUnit(figure)}`;
  if (differences.has(figure.id)) return `${decimals(low * 100)} – ${decimals(high * 100)} pp`;
  if (figure.unit === "ratio") return `${decimals(low * 100)} – ${decimals(high * 100)} %`;
  return `${formatNumber(low, "")} – ${formatNumber(high, figure.unit)}`.trim();
}

export function formatCount(n: number): string {
  return n.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ",");
}

const countUnits: ReadonlySet<string> = new Set<Unit | "slots">([
  "requests",
  "answers",
  "events",
  "errors",
  "predictions",
  "slots",
]);

export function formatNumber(value: number, unit: Unit | "s" | "" | (string & {})): string {
  if (unit === "ratio") return `${decimals(value * 100)} %`;
  const isCount = countUnits.has(unit);
  const digits = isCount ? formatCount(value) : decimals(value);
  return unit === "" || isCount ? digits : `${digits} ${unit}`;
}

/** The level of its interval: "90 %". Nothing where the figure has none. */
export function formatLevel({ interval }: Figure): string {
  return interval === undefined ? "" : formatTick(interval.level, "ratio");
}

/** The label of a tick: as short as the round number allows. */
export function formatTick(value: number, unit: string): string {
  return unit === "ratio" ? `${Number((value * 100).toPrecision(6))} %` : String(value);
}

/** UTC to the second: "2026-01-31 09:30:00 UTC". */
export function formatTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function shareUnit({ id }: Figure): string {
  return differences.has(id) ? "pp" : "%";
}

function signed(share: number): string {
  const text = decimals(share * 100);
  return share > 0 && !text.startsWith("<") ? `+${text}` : text;
}

function decimals(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return `${value < 0 ? "-" : ""}${formatCount(Math.round(size))}`;
  if (size === 0) return "0";
  // Rounding a small number to 0.00 would deny it.
  if (size < 1e-4) return value < 0 ? ">-0.0001" : "<0.0001";
  if (size < 0.1) return String(Number(value.toPrecision(2)));
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}
