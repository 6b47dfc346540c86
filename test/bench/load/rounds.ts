// One round of load on one target: callers in a closed loop, with the CPU time of what is measured, or requests at fixed times.
import { setTimeout as wait } from "node:timers/promises";
import { systemClock } from "@chimera/kernel";
import { cpuBetweenMs, readRssMib, readThreadCpu } from "../cpu.ts";
import { sum } from "../figures.ts";
import { ClosedLoop } from "./closed-loop.ts";
import { openLoop } from "./open-loop.ts";

/** Streams to one target; `ask` resolves with the monotonic time of the first token, and rejects where the answer is not whole. */
export interface Streams {
  ask(onTokens: (count: number) => void): Promise<number>;
  close(): void;
}

export interface ClosedPlan {
  callers: number;
  warmUpMs: number;
  measureMs: number;
  /** Whose CPU time is read, at the moments at which tokens are counted. */
  pids: readonly number[];
}

export interface ClosedResult {
  cpuMs: number;
  seconds: number;
  tokens: number;
  answers: number;
  /** Also during the warm-up. */
  failures: number;
  lastFailure: string | undefined;
  /** Sending to first token, of answers that ended meanwhile. */
  ttftMs: number[];
  rssMib: number;
}

export interface PacedPlan {
  everyMs: number;
  count: number;
}

export interface PacedResult {
  /** From the time a request was due to its first token. */
  ttftMs: number[];
  failures: number;
  lastFailure: string | undefined;
}

export async function closedRound(streams: Streams, plan: ClosedPlan): Promise<ClosedResult> {
  const loop = new ClosedLoop(plan.callers, async (onTokens) => {
    const sentAtMs = systemClock.monotonicMs();
    return (await streams.ask(onTokens)) - sentAtMs;
  });
  try {
    await wait(plan.warmUpMs);
    const before = countsOf(loop, plan.pids);
    await wait(plan.measureMs);
    const after = countsOf(loop, plan.pids);
    return {
      cpuMs: sum(after.cpu.map((cpu, index) => cpuBetweenMs(before.cpu[index] ?? cpu, cpu))),
      seconds: (after.atMs - before.atMs) / 1000,
      tokens: after.tokens - before.tokens,
      answers: after.answers - before.answers,
      failures: after.failures,
      lastFailure: textOf(loop.lastFailure),
      ttftMs: loop.ttftMs.slice(before.answers, after.answers),
      rssMib: sum(plan.pids.map((pid) => readRssMib(subject(pid)))),
    };
  } finally {
    loop.stop();
    streams.close();
    await loop.ended();
  }
}

export async function pacedRound(streams: Streams, { everyMs, count }: PacedPlan): Promise<PacedResult> {
  try {
    const plan = Array.from({ length: count }, (_, index) => ({ atMs: index * everyMs }));
    const send = () => streams.ask(() => undefined);
    const { sent } = await openLoop({ plan, send, clock: systemClock, signal: new AbortController().signal });
    const failed = sent.flatMap(({ outcome }) => (outcome.ok ? [] : [outcome.error]));
    return {
      ttftMs: sent.flatMap(({ dueAtMs, outcome }) => (outcome.ok ? [outcome.result - dueAtMs] : [])),
      failures: failed.length,
      lastFailure: textOf(failed.at(-1)),
    };
  } finally {
    streams.close();
  }
}

function countsOf({ tokens, answers, failures }: ClosedLoop, pids: readonly number[]) {
  const cpu = pids.map((pid) => readThreadCpu(subject(pid)));
  return { atMs: systemClock.monotonicMs(), tokens, answers, failures, cpu };
}

function subject(pid: number) {
  return { name: "what is measured", pid };
}

function textOf(failure: unknown): string | undefined {
  return failure === undefined ? undefined : String(failure);
}
