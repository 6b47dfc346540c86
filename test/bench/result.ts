// The one form every benchmark speaks, whoever reads it: a person, a file, a comparison with an earlier commit.
import type { IntervalEstimate } from "@chimera/kernel";
import type { Machine } from "./machine.ts";

export interface BenchResult {
  /** Keeps its meaning for good, for example "mesh.r60.ttft_ms_p50". */
  id: string;
  /** Null where nothing could be measured; `n` is 0 then. */
  value: number | null;
  unit: string;
  /** Observations behind the value. */
  n: number;
  /** Null where the sample is too small for one, or the value is no estimate. */
  interval: IntervalEstimate | null;
  /** Definition, and where the interval comes from. */
  method: string;
}

export interface BenchReport {
  name: string;
  machine: Machine;
  /** Full hash; ends in "-dirty" where files differ from it. */
  commit: string;
  results: BenchResult[];
}

/** The file's text. Numbers keep what was measured; only what is no number becomes null. */
export function reportJson({ name, machine, commit, results }: BenchReport): string {
  const checked = results.map(({ id, value, unit, n, interval, method }) => ({
    id,
    value: value !== null && Number.isFinite(value) ? value : null,
    unit,
    n,
    interval,
    method,
  }));
  return `${JSON.stringify({ name, machine, commit, results: checked }, undefined, 2)}\n`;
}

/** For the terminal: one line per result, then every method once with the ids it explains. */
export function reportText({ name, machine, commit, results }: BenchReport): string {
  const rows = results.map(({ id, value, unit, n, interval }) => [
    id,
    figure(value),
    unit,
    interval === null ? "" : `[${figure(interval.low)}, ${figure(interval.high)}]`,
    String(n),
  ]);
  const { cpu, cores, memoryGib, node, kernel } = machine;
  return [
    `${name} at ${commit}`,
    `${cores} × ${cpu}, ${figure(memoryGib)} GiB, Node ${node}, ${kernel}`,
    "",
    columns([["id", "value", "unit", "95 % interval", "n"], ...rows]),
    "",
    ...methodLines(results),
    "",
  ].join("\n");
}

/** Four significant digits and at most six decimals, without an exponent. */
export function figure(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return "–";
  if (Math.abs(value) < 5e-7) return "0";
  if (Number.isInteger(value)) return String(value);
  const digits = Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 6));
}

const NUMERIC_COLUMNS = new Set([1, 4]);

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const pad = (cell: string, column: number) =>
    NUMERIC_COLUMNS.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

function methodLines(results: readonly BenchResult[]): string[] {
  const byMethod = Map.groupBy(results, ({ method }) => method);
  return [...byMethod].map(([method, [first, ...others]]) => {
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    return `${first?.id}${more}: ${method}`;
  });
}
