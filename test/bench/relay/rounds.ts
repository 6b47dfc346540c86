// CPU per token under three ways for tokens to arrive, subject after subject in turns, round after round.
import type { BenchContext } from "../benchmark.ts";
import type { Arrivals } from "../load/arrivals.ts";
import type { ClosedResult } from "../load/rounds.ts";
import { rotated } from "../turns.ts";
import type { RelayBench, Subject } from "./subjects.ts";

export const STREAMS = 200;
export const CONNECTIONS = 8;
export const TOKENS = 64;
/** 200 streams of one token each make five tokens a millisecond of it. */
const STEP_MS = 40;

export const PATTERNS = ["step", "jitter", "burst"] as const;
export type Pattern = (typeof PATTERNS)[number];

const ARRIVALS: Record<Pattern, Arrivals> = {
  step: { kind: "step", everyMs: STEP_MS },
  jitter: { kind: "jitter", everyMs: STEP_MS },
  burst: { kind: "burst" },
};

export interface RoundPlan {
  rounds: number;
  /** Before the first round, for code to be compiled. */
  firstWarmUpMs: number;
  warmUpMs: number;
  measureMs: number;
}

/** One pattern's results: a list per round, by subject. */
export type Played = Record<Pattern, Partial<Record<Subject["name"], ClosedResult>>[]>;

export async function playRounds(bench: RelayBench, plan: RoundPlan, context: BenchContext): Promise<Played> {
  const { subjects, engine } = bench;
  const played: Played = { step: [], jitter: [], burst: [] };
  for (const subject of subjects.filter(({ isOurs }) => isOurs)) {
    await playRound(bench, subject, { warmUpMs: 0, measureMs: plan.firstWarmUpMs }, context.signal);
  }
  for (let round = 0; round < plan.rounds; round++) {
    context.progress(`round ${round + 1} of ${plan.rounds}`);
    for (const pattern of PATTERNS) {
      await engine.ask("arrive", { arrivals: ARRIVALS[pattern] });
      const results: Played[Pattern][number] = {};
      for (const subject of rotated(subjects, round))
        results[subject.name] = await playRound(bench, subject, plan, context.signal);
      played[pattern].push(results);
    }
  }
  await engine.ask("arrive", { arrivals: ARRIVALS.burst });
  return played;
}

/** Throws where an answer was not whole, or the wrong process was watched: what is not relayed costs nothing. */
async function playRound(
  { load }: RelayBench,
  { name, target, processes }: Subject,
  { warmUpMs, measureMs }: Pick<RoundPlan, "warmUpMs" | "measureMs">,
  signal: AbortSignal,
): Promise<ClosedResult> {
  const pids = processes.map(({ pid }) => pid);
  const plan = { callers: STREAMS, connections: CONNECTIONS, warmUpMs, measureMs };
  const result = await load.ask("closed", { target: target(TOKENS), pids, ...plan }, signal);
  if (result.failures > 0) {
    throw new Error(`${name}: ${result.failures} answers were not whole, the last one: ${result.lastFailure}`);
  }
  if (result.tokens > 0 && result.cpuMs === 0) throw new Error(`${name} relayed without any CPU time of its own`);
  return result;
}
