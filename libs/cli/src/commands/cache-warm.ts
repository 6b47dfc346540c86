// `chimera cache warm` and `chimera cache warm-ups`: answers made before they are asked for, and what that gained.
import { durationFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { type Estimate, WarmPhase, type WarmResponse, type WarmUp } from "@chimera/contracts/cache";
import { ownedStream } from "@chimera/rpc";
import { Command } from "commander";
import { CACHE_TIMEOUT_MS, withCache } from "../cache-client.ts";
import type { Surroundings } from "../config.ts";
import { decimal, duration, integer } from "../parse.ts";
import { progressBar } from "../terminal/progress-bar.ts";
import { table } from "../terminal/table.ts";

interface WarmOptions {
  window?: number;
  budget?: number;
  answers?: number;
  dryRun?: boolean;
  tenants?: string[];
  model?: string;
  prefixes?: number;
  control?: number;
  concurrency?: number;
  measureFor?: number;
  json?: boolean;
  url?: string;
}

const EXAMPLES = `
Candidates are questions that were asked at least twice; only those of tenants whose prompts are logged (ROUTER_LOG_PROMPTS) can be
made anew. A share of them is left cold on purpose: what the others gain is measured against it, and shown by
\`chimera cache warm-ups\`. Ctrl-C ends it; what is stored by then stays.

Examples:
  chimera cache warm --dry-run                         what would be made, and what it would gain
  chimera cache warm --window 6h --budget 50000
  chimera cache warm --tenants acme,globex --prefixes 2`;

export function cacheWarmCommand(surroundings: Surroundings): Command {
  return new Command("warm")
    .summary("store the answers that will most likely be asked for next")
    .description("Reads the request log and has the answers that save most time per token stored ahead.")
    .option("--window <time>", "how far back the log is read; 24h where left out", duration)
    .option("--budget <tokens>", "prompt and completion tokens it may take; 100000 where left out", integer(0, 1e9))
    .option("--answers <n>", "answers it may store; 1000 where left out", integer(1, 20_000))
    .option("--dry-run", "only say what would be done")
    .option("--tenants <names>", "only these, separated by commas", listOf)
    .option("--model <id>", "only this model")
    .option("--prefixes <n>", "shared beginnings of prompts to compute at the engines", integer(0, 64))
    .option("--control <share>", "share of the candidates that stays cold; 0.1 where left out", decimal(0, 0.9))
    .option("--concurrency <n>", "answers made at a time; 2 where left out", integer(1, 16))
    .option("--measure-for <time>", "how long the gain is measured; as long as the window, at most 1h", duration)
    .option("--json", "print the last state as JSON")
    .option("--url <url>", "cache of another mesh")
    .addHelpText("after", EXAMPLES)
    .action((options: WarmOptions) => warm(options, surroundings));
}

export function cacheWarmUpsCommand(surroundings: Surroundings): Command {
  return new Command("warm-ups")
    .summary("what the last warm-ups promised and gained")
    .description("The last sixteen warm-ups since the cache started, newest first.")
    .option("--json", "print JSON")
    .option("--url <url>", "cache of another mesh")
    .action((options: { json?: boolean; url?: string }) => list(options, surroundings));
}

async function warm(options: WarmOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, stopped } = surroundings;
  const line = progressLine(surroundings);
  const last = await withCache(options.url, surroundings, async (cache) => {
    let state: WarmResponse | undefined;
    const states = ownedStream((signal) => cache.warm(requestOf(options), { signal }), { signal: stopped });
    try {
      for await (state of states) line.show(state);
    } finally {
      line.clear();
    }
    return state;
  });
  if (last !== undefined) terminal.out(options.json ? `${jsonText(last)}\n` : warmText(last));
}

function requestOf(options: WarmOptions) {
  const { window, budget, measureFor, control } = options;
  return {
    tenants: options.tenants ?? [],
    model: options.model ?? "",
    maxAnswers: options.answers ?? 0,
    prefixes: options.prefixes ?? 0,
    concurrency: options.concurrency ?? 0,
    dryRun: options.dryRun ?? false,
    ...(window !== undefined && { window: durationFromMs(window) }),
    ...(measureFor !== undefined && { measureFor: durationFromMs(measureFor) }),
    ...(budget !== undefined && { tokenBudget: BigInt(budget) }),
    ...(control !== undefined && { controlShare: control }),
  };
}

/** A bar while answers are made; before that there is nothing to count towards. */
function progressLine({ terminal, clock }: Surroundings): { show(state: WarmResponse): void; clear(): void } {
  let bar: ReturnType<typeof progressBar> | undefined;
  const clear = () => bar?.clear();
  return {
    clear,
    show: (state) => {
      const { candidates, control, resident, withoutText } = state;
      if (state.phase !== WarmPhase.GENERATING) return;
      const total = Math.max(1, candidates - control - resident - withoutText);
      bar ??= progressBar({ terminal, clock, title: "warming", total });
      const { restored, generated, failed, tokensSpent, tokenBudget } = state;
      bar.update(restored + generated + failed, `${tokensSpent} of ${tokenBudget} tokens`);
    },
  };
}

export function warmText(state: WarmResponse): string {
  const facts = table(
    ["", ""],
    [
      ["run", state.runId],
      ["requests read", `${state.requestsRead}`],
      ["candidates", `${state.candidates}`],
      ["left cold to measure against", `${state.control}`],
      ["stored already", `${state.resident}`],
      ["put back", `${state.restored}`],
      ["made anew", `${state.generated}`],
      ["failed", `${state.failed}`],
      ["text not logged", `${state.withoutText}`],
      ["tokens", `${state.tokensSpent} of ${state.tokenBudget}`],
      ["prefixes computed", `${state.prefixesWarmed}`],
      ["expected gain", `${state.predictedHitGainPp.toFixed(2)} pp of all requests`],
    ],
  );
  return `${facts.trimStart()}${state.text}\n`;
}

async function list({ json, url }: { json?: boolean; url?: string }, surroundings: Surroundings): Promise<void> {
  const { terminal, stopped } = surroundings;
  const call = { signal: stopped, timeoutMs: CACHE_TIMEOUT_MS };
  const { warmUps } = await withCache(url, surroundings, (cache) => cache.listWarmUps({}, call));
  terminal.out(json ? `${jsonText(warmUps)}\n` : warmUpsText(warmUps));
}

export function warmUpsText(warmUps: readonly WarmUp[]): string {
  if (warmUps.length === 0) return "No warm-up since the cache started.\n";
  return table(
    ["RUN", "ENDED", "STORED", "TOKENS", "EXPECTED", "MEASURED", "WARM - COLD", "TTFT", "USED"],
    warmUps.map(({ result, endedAt, gain }) => [
      result?.runId ?? "",
      endedAt ? new Date(timestampMs(endedAt)).toISOString().slice(0, 19) : "",
      `${(result?.restored ?? 0) + (result?.generated ?? 0)}`,
      `${result?.tokensSpent ?? 0}`,
      `${(result?.predictedHitGainPp ?? 0).toFixed(2)} pp`,
      estimateText(gain?.overallHitGainPp, { digits: 2, unit: " pp" }),
      estimateText(gain?.hitGainPp, { digits: 1, unit: " pp" }),
      estimateText(gain?.ttftGain && percent(gain.ttftGain), { digits: 0, unit: " %" }),
      gain === undefined ? "–" : `${(100 * gain.usedShare).toFixed(0)} %`,
    ]),
  );
}

type Values = Pick<Estimate, "value" | "low" | "high">;

function percent({ value, low, high }: Values): Values {
  return { value: 100 * value, low: 100 * low, high: 100 * high };
}

function estimateText(estimate: Values | undefined, { digits, unit }: { digits: number; unit: string }): string {
  if (estimate === undefined) return "–";
  const [value, low, high] = [estimate.value, estimate.low, estimate.high].map((each) => each.toFixed(digits));
  return `${value}${unit} [${low}, ${high}]`;
}

function listOf(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
}

function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, each) => (typeof each === "bigint" ? Number(each) : each), 2);
}
