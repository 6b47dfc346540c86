// The same streams through every gateway in turns: one at a time, fifty at a time, and at the rate a busy desk has.
import type { BenchContext } from "../benchmark.ts";
import type { ClosedResult, PacedResult } from "../load/rounds.ts";
import { rotated } from "../turns.ts";
import type { DoorBench, Gateway } from "./gateways.ts";

export const BUSY_CALLERS = 50;
export const BUSY_PER_SECOND = 180;
/** Longer than an answer takes through the slowest, so that streams do not meet. */
export const ALONE_EVERY_MS = 100;

export interface DoorPlan {
  rounds: number;
  /** Before the first round, for code to be compiled. */
  firstWarmUpMs: number;
  aloneStreams: number;
  warmUpMs: number;
  measureMs: number;
  busySeconds: number;
}

type ByGateway<R> = Partial<Record<Gateway["name"], R>>;

export interface DoorRound {
  /** One stream each 100 ms, open loop. */
  alone: ByGateway<PacedResult>;
  /** Fifty callers, closed loop. */
  fifty: ByGateway<ClosedResult>;
  /** 180 streams a second, open loop; only the direct way and ours carry that. */
  busy: ByGateway<PacedResult>;
}

export async function playDoorRounds(bench: DoorBench, plan: DoorPlan, context: BenchContext): Promise<DoorRound[]> {
  const { gateways } = bench;
  context.progress("warming up");
  for (const gateway of gateways) {
    await fifty(bench, gateway, { warmUpMs: 0, measureMs: plan.firstWarmUpMs }, context);
  }
  const rounds: DoorRound[] = [];
  for (let index = 0; index < plan.rounds; index++) {
    context.progress(`round ${index + 1} of ${plan.rounds}`);
    const round: DoorRound = { alone: {}, fifty: {}, busy: {} };
    const turns = rotated(gateways, index);
    for (const gateway of turns) {
      const alone = { everyMs: ALONE_EVERY_MS, count: plan.aloneStreams };
      round.alone[gateway.name] = await paced(bench, gateway, alone, context);
    }
    for (const gateway of turns) round.fifty[gateway.name] = await fifty(bench, gateway, plan, context);
    for (const gateway of turns.filter(({ name }) => name === "direct" || name === "ours")) {
      const busy = { everyMs: 1000 / BUSY_PER_SECOND, count: Math.round(BUSY_PER_SECOND * plan.busySeconds) };
      round.busy[gateway.name] = await paced(bench, gateway, busy, context);
    }
    rounds.push(round);
  }
  return rounds;
}

async function paced(
  { load }: DoorBench,
  gateway: Gateway,
  plan: { everyMs: number; count: number },
  { signal }: BenchContext,
): Promise<PacedResult> {
  return checked(gateway, await load.ask("paced", { target: gateway.target, ...plan }, signal));
}

async function fifty(
  { load }: DoorBench,
  gateway: Gateway,
  { warmUpMs, measureMs }: Pick<DoorPlan, "warmUpMs" | "measureMs">,
  { signal }: BenchContext,
): Promise<ClosedResult> {
  const pids = gateway.processes.map(({ pid }) => pid);
  const plan = { callers: BUSY_CALLERS, warmUpMs, measureMs, pids };
  return checked(gateway, await load.ask("closed", { target: gateway.target, ...plan }, signal));
}

/** Failures of others are a figure; ours and the direct way's are a fault. */
function checked<R extends { failures: number; lastFailure: string | undefined }>(
  { name, title }: Gateway,
  result: R,
): R {
  if (result.failures > 0 && (name === "ours" || name === "direct")) {
    throw new Error(`${title}: ${result.failures} answers were not whole, the last one: ${result.lastFailure}`);
  }
  return result;
}
