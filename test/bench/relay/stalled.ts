// What a client costs that asks and does not read, and whether the others notice.
import { setTimeout as wait } from "node:timers/promises";
import { quantile } from "@chimera/kernel";
import type { BenchContext } from "../benchmark.ts";
import { readRssMib } from "../cpu.ts";
import { plainResult, sum } from "../figures.ts";
import { DELTA_BYTES, MAX_DELTAS } from "../load/frames.ts";
import type { BenchResult } from "../result.ts";
import { idPrefix } from "./results.ts";
import { CONNECTIONS, TOKENS } from "./rounds.ts";
import type { RelayBench, Subject } from "./subjects.ts";

const STALLED = 50;
const FRAME_BYTES = DELTA_BYTES + 5;
/** The engine gives nothing for so long: all is held where it will be held. */
const QUIET_MS = 500;
const SETTLE_TIMEOUT_MS = 20_000;
const RSS_SAMPLES = 10;
const RSS_EVERY_MS = 50;
const OTHERS = { everyMs: 20, count: 50 };

export interface StalledPlan {
  warmUpMs: number;
  /** Read to their end afterwards: nothing may be lost on the way. */
  resumed: number;
}

export async function stalledResults(bench: RelayBench, plan: StalledPlan, context: BenchContext) {
  const results: BenchResult[] = [];
  for (const subject of bench.subjects.filter(({ isOurs }) => isOurs)) {
    context.progress(`${STALLED} readers that do not read, through ${subject.title}`);
    results.push(...resultsOf(subject, await stallOnce(bench, subject, { ...plan, context }), plan));
  }
  return results;
}

interface Stall {
  beforeMib: number;
  heldMib: number;
  takenDeltas: number;
  ttftAloneMs: number;
  ttftBesideMs: number;
  othersFailed: number;
  wholeAfter: number;
}

async function stallOnce(
  { load, engine }: RelayBench,
  { target, processes }: Subject,
  { warmUpMs, resumed, context }: StalledPlan & { context: BenchContext },
): Promise<Stall> {
  const { signal } = context;
  const pids = processes.map(({ pid }) => pid);
  const others = () => load.ask("paced", { target: target(TOKENS), ...OTHERS }, signal);
  // Memory that as many readers take who do read is no cost of stalling.
  const traffic = { callers: STALLED, connections: CONNECTIONS, warmUpMs: 0, measureMs: warmUpMs, pids };
  await load.ask("closed", { target: target(TOKENS), ...traffic }, signal);
  const alone = await others();
  const beforeMib = median(await rssSamples(processes));
  const emittedBefore = (await engine.ask("counts", undefined)).emitted;
  try {
    await load.ask("stall", { target: target(MAX_DELTAS), streams: STALLED }, signal);
    const emitted = await untilQuiet({ engine }, context);
    const heldMib = Math.max(...(await rssSamples(processes)));
    const beside = await others();
    const wholeAfter = await load.ask("resume", { count: resumed }, signal);
    return {
      beforeMib,
      heldMib,
      takenDeltas: emitted - emittedBefore,
      ttftAloneMs: median(alone.ttftMs),
      ttftBesideMs: median(beside.ttftMs),
      othersFailed: beside.failures,
      wholeAfter,
    };
  } finally {
    await load.ask("leave", undefined).catch(() => undefined);
  }
}

async function untilQuiet({ engine }: Pick<RelayBench, "engine">, { clock, signal }: BenchContext): Promise<number> {
  let last = -1;
  for (const giveUpAtMs = clock.monotonicMs() + SETTLE_TIMEOUT_MS; clock.monotonicMs() < giveUpAtMs; ) {
    const { emitted } = await engine.ask("counts", undefined, signal);
    if (emitted === last) return emitted;
    last = emitted;
    await wait(QUIET_MS, undefined, { signal });
  }
  throw new Error(`the engine still had takers for its tokens ${SETTLE_TIMEOUT_MS / 1000} s after all readers stalled`);
}

async function rssSamples(processes: Subject["processes"]): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < RSS_SAMPLES; i++) {
    samples.push(sum(processes.map(readRssMib)));
    await wait(RSS_EVERY_MS);
  }
  return samples;
}

function median(values: readonly number[]): number {
  return quantile(Float64Array.from(values).sort(), 0.5);
}

function resultsOf({ name, title }: Subject, stall: Stall, { resumed }: StalledPlan): BenchResult[] {
  const prefix = idPrefix(name, "");
  const stalled = `${STALLED} streams through ${title}, each with ${MAX_DELTAS} deltas ready and a reader that grants 64 KiB and reads nothing.`;
  const result = (id: string, value: number, rest: Pick<BenchResult, "unit" | "n" | "method">) =>
    plainResult({ id: `${prefix}${id}`, value, ...rest, method: `${stalled} ${rest.method}` });
  return [
    result("stalled_stream_kib", ((stall.heldMib - stall.beforeMib) * 1024) / STALLED, {
      unit: "KiB",
      n: STALLED,
      method: "Growth of resident memory ÷ streams: most of ten readings while held, minus median of ten before.",
    }),
    result("stalled_stream_taken_kib", (stall.takenDeltas * FRAME_BYTES) / STALLED / 1024, {
      unit: "KiB",
      n: STALLED,
      method:
        "Bytes the engine could give away until it had to stop ÷ streams; what the client's own window took is in it.",
    }),
    result("stalled_others_failed", stall.othersFailed, {
      unit: "answers",
      n: OTHERS.count,
      method: "Other streams meanwhile, one at a time, that were not whole.",
    }),
    result("stalled_others_ttft_ratio", stall.ttftBesideMs / stall.ttftAloneMs, {
      unit: "ratio",
      n: OTHERS.count,
      method: "Median TTFT of other streams meanwhile ÷ before.",
    }),
    result("stalled_whole_after_share", stall.wholeAfter / resumed, {
      unit: "share",
      n: resumed,
      method: "Of the stalled streams that were read again, those that arrived whole.",
    }),
  ];
}
