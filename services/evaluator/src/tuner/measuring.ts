// One block of items under one configuration: from the journal if it was measured before, else asked. What comes back is
// checked here, so that no wrong number reaches a decision.
import type { Journal, MeasureRecord } from "./journal.ts";
import { type Configuration, keyOf } from "./space.ts";
import { type ItemMeasurement, type Measured, NOTHING_MEASURED } from "./trial.ts";

/** Plays `items` under the configuration, one measurement each, in their order. Rejects where that is impossible. */
export type Measure<Item> = (
  configuration: Configuration,
  items: readonly Item[],
  signal: AbortSignal,
) => Promise<readonly ItemMeasurement[]>;

export interface Block<Item> {
  /** Tells blocks of one configuration apart, for example "search 50". */
  readonly name: string;
  readonly configuration: Configuration;
  readonly items: readonly Item[];
}

/** A measurement that failed has its reason as `error` and no items. Rejects only when the signal aborts. */
export async function measureBlock<Item>(
  block: Block<Item>,
  { measure, journal, signal }: { measure: Measure<Item>; journal: Journal; signal: AbortSignal },
): Promise<MeasureRecord> {
  const key = `${block.name} ${keyOf(block.configuration)}`;
  const known = journal.find(key);
  if (known !== undefined) return known;
  signal.throwIfAborted();
  const record = await asked(block, measure, signal);
  // What failed because it was told to stop says nothing about the configuration.
  signal.throwIfAborted();
  await journal.append(key, record);
  return record;
}

async function asked<Item>(block: Block<Item>, measure: Measure<Item>, signal: AbortSignal): Promise<MeasureRecord> {
  try {
    const measurements = await measure(block.configuration, block.items, signal);
    const problem = problemOf(measurements, block.items.length);
    return problem === undefined ? { ...inColumns(measurements), error: "" } : { ...NOTHING_MEASURED, error: problem };
  } catch (error) {
    return { ...NOTHING_MEASURED, error: (error instanceof Error && error.message) || "failed without a reason" };
  }
}

function problemOf(measurements: readonly ItemMeasurement[], items: number): string | undefined {
  if (measurements.length !== items) return `${measurements.length} measurements of ${items} items`;
  const bad = measurements.findIndex(
    ({ score, ttftMs, tokens }) => !Number.isFinite(score) || !Number.isFinite(ttftMs) || !Number.isFinite(tokens),
  );
  return bad === -1 ? undefined : `measurement ${bad} is not finite`;
}

function inColumns(measurements: readonly ItemMeasurement[]): Measured {
  return {
    score: measurements.map(({ score }) => score),
    ttftMs: measurements.map(({ ttftMs }) => ttftMs),
    tokens: measurements.map(({ tokens }) => tokens),
  };
}
