// Recorded requests, one JSON object per line: what calibration learns from.
import { InvalidRequestError } from "@chimera/kernel";
import { z } from "zod";

const ms = z.number().min(0);
const tokens = z.number().int().min(0);

const Row = z.object({
  /** From the start of the recording. */
  arrived_ms: ms,
  queue_ms: ms,
  prefill_ms: ms,
  /** From arrival, as total_ms. */
  first_token_ms: ms,
  total_ms: ms,
  prompt_tokens: tokens.min(1),
  cached_tokens: tokens,
  completion_tokens: tokens.min(1),
  slots: tokens.min(1),
});

export type SpanRow = z.output<typeof Row>;

/** In order of arrival. Throws InvalidRequestError that names line and field. */
export function parseRows(text: string): SpanRow[] {
  const rows = text.split("\n").flatMap((line, index) => (line.trim() === "" ? [] : [parseRow(line, index + 1)]));
  return rows.sort((a, b) => a.arrived_ms - b.arrived_ms);
}

function parseRow(line: string, number: number): SpanRow {
  const parsed = Row.safeParse(jsonOf(line));
  if (parsed.success) return parsed.data;
  const violations = parsed.error.issues.map(({ path, message }) => ({
    field: ["line", number, ...path].join("."),
    description: message,
  }));
  throw new InvalidRequestError(violations);
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

export function formatRows(rows: readonly SpanRow[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}
