// What a warm-up is asked to do, with what is not said filled in. Everything else is refused here.
import type { WarmRequest } from "@chimera/contracts/cache";
import { type FieldViolation, InvalidRequestError } from "@chimera/kernel";

export interface WarmOrder {
  windowMs: number;
  tenants: readonly string[];
  model: string;
  tokenBudget: number;
  maxAnswers: number;
  controlShare: number;
  prefixes: number;
  concurrency: number;
  halfLifeMs: number;
  isDryRun: boolean;
  measureForMs: number;
}

const HOUR_MS = 3_600_000;
/** What the stream of events keeps. */
const MAX_WINDOW_MS = 24 * HOUR_MS;
const MIN_WINDOW_MS = 1000;
const MAX_TENANTS = 1000;

const DEFAULTS = {
  tokenBudget: 100_000,
  maxAnswers: 1000,
  controlShare: 0.1,
  concurrency: 2,
  halfLifeMs: 6 * HOUR_MS,
  measureForMs: HOUR_MS,
} as const;

/** Throws InvalidRequestError with one violation per wrong field. */
export function orderOf(request: WarmRequest): WarmOrder {
  const windowMs = msOf(request.window) ?? MAX_WINDOW_MS;
  const order: WarmOrder = {
    windowMs,
    tenants: request.tenants,
    model: request.model,
    tokenBudget: Number(request.tokenBudget ?? DEFAULTS.tokenBudget),
    maxAnswers: request.maxAnswers || DEFAULTS.maxAnswers,
    controlShare: request.controlShare ?? DEFAULTS.controlShare,
    prefixes: request.prefixes,
    concurrency: request.concurrency || DEFAULTS.concurrency,
    halfLifeMs: msOf(request.halfLife) ?? DEFAULTS.halfLifeMs,
    isDryRun: request.dryRun,
    measureForMs: msOf(request.measureFor) ?? Math.min(windowMs, DEFAULTS.measureForMs),
  };
  const violations = [
    ...outside("window", windowMs, [MIN_WINDOW_MS, MAX_WINDOW_MS]),
    ...outside("measure_for", order.measureForMs, [MIN_WINDOW_MS, MAX_WINDOW_MS]),
    ...outside("half_life", order.halfLifeMs, [MIN_WINDOW_MS, 30 * MAX_WINDOW_MS]),
    ...outside("tenants", order.tenants.length, [0, MAX_TENANTS]),
    ...outside("token_budget", order.tokenBudget, [0, 1e9]),
    ...outside("max_answers", order.maxAnswers, [1, 20_000]),
    ...outside("control_share", order.controlShare, [0, 0.9]),
    ...outside("prefixes", order.prefixes, [0, 64]),
    ...outside("concurrency", order.concurrency, [1, 16]),
  ];
  if (violations.length > 0) throw new InvalidRequestError(violations);
  return order;
}

function msOf(duration: { seconds: bigint; nanos: number } | undefined): number | undefined {
  return duration && Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

function outside(field: string, value: number, [min, max]: readonly [number, number]): FieldViolation[] {
  if (value >= min && value <= max) return [];
  const unit = ["window", "measure_for", "half_life"].includes(field) ? " ms" : "";
  return [{ field, description: `${value}${unit} is out of range, ${min} to ${max}${unit}` }];
}
