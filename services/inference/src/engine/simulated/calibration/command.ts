// The words after `calibrate.ts`, and what is said where they are wrong.
import { parseArgs } from "node:util";

export interface RecordCommand {
  kind: "record";
  url: string;
  ratePerS: number;
  seconds: number;
  seed: number;
  maxTokens: number;
  slots: number | undefined;
  out: string;
}

export interface FitCommand {
  kind: "fit";
  spans: string[];
  /** Share of each recording, its end, that nothing is fitted to. */
  holdout: number;
  against: string[];
  stepTokens: number;
  json: string | undefined;
}

export type Command = RecordCommand | FitCommand | { kind: "help" };

/** The command line is wrong; the message says what is right. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const OPTIONS = {
  help: { type: "boolean", short: "h" },
  spans: { type: "string", multiple: true },
  holdout: { type: "string", default: "0.3" },
  against: { type: "string", multiple: true },
  "step-tokens": { type: "string", default: "2048" },
  json: { type: "string" },
  record: { type: "boolean" },
  url: { type: "string" },
  rate: { type: "string" },
  seconds: { type: "string" },
  seed: { type: "string", default: "1" },
  "max-tokens": { type: "string", default: "24" },
  slots: { type: "string" },
  out: { type: "string" },
} as const;

/** Throws UsageError. */
export function parseCommand(args: readonly string[]): Command {
  const values = parse(args);
  if (values.help) return { kind: "help" };
  if (values.record) {
    return {
      kind: "record",
      url: given(values.url, "--url"),
      ratePerS: between(given(values.rate, "--rate"), "--rate", { min: 0.01, max: 10_000 }),
      seconds: between(given(values.seconds, "--seconds"), "--seconds", { min: 1, max: 3600 }),
      seed: between(values.seed, "--seed", { min: 0, max: 2 ** 32 - 1 }),
      maxTokens: between(values["max-tokens"], "--max-tokens", { min: 1, max: 1_048_576 }),
      slots: values.slots === undefined ? undefined : between(values.slots, "--slots", { min: 1, max: 65_536 }),
      out: given(values.out, "--out"),
    };
  }
  if (values.spans === undefined)
    throw new UsageError("Give --spans FILE to fit a recording, or --record to make one.");
  return {
    kind: "fit",
    spans: values.spans,
    holdout: between(values.holdout, "--holdout", { min: 0, max: 0.9 }),
    against: values.against ?? [],
    stepTokens: between(values["step-tokens"], "--step-tokens", { min: 1, max: 1_048_576 }),
    json: values.json,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function given(value: string | undefined, option: string): string {
  if (value === undefined) throw new UsageError(`--record needs ${option}.`);
  return value;
}

function between(text: string, option: string, { min, max }: { min: number; max: number }): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!(value >= min && value <= max)) throw new UsageError(`${option} must be a number from ${min} to ${max}.`);
  return value;
}

export const HELP = `Fits the simulated engine to a recorded one, or makes such a recording.

Usage:
  node services/inference/src/calibrate.ts --record --url URL --rate R --seconds S --out FILE
  node services/inference/src/calibrate.ts --spans FILE [--spans FILE …] [options]

Recording (support tickets, Poisson arrivals):
  --url URL         an inference service, or a router (which is asked past its cache)
  --rate R          requests per second
  --seconds S       how long
  --seed N          which tickets and when (1)
  --max-tokens N    longest answer (24)
  --slots N         slots behind a router, which does not tell
  --out FILE        one JSON object per line

Fitting:
  --spans FILE      a recording to fit to; several loads tell more than one
  --holdout SHARE   end of each recording that is only compared with (0.3)
  --against FILE    a recording at a load that is not fitted to: prints the simulator's error there
  --step-tokens N   token budget of a step of the recorded engine (2048; llama here: 512)
  --json FILE       everything as JSON

Example:
  node services/inference/src/calibrate.ts --spans r20.jsonl --spans r140.jsonl --against r100.jsonl --step-tokens 512
`;
