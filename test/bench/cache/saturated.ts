// What a full cache costs: one that evicts on every store and is pruned meanwhile, beside one with room for everything, under the
// same load in turns.
import { setTimeout as wait } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  CacheService,
  LookupRequestSchema,
  type StatsResponse,
  StoredAnswerSchema,
  StoreRequestSchema,
} from "@chimera/contracts/cache";
import { FinishReason } from "@chimera/contracts/common";
import { type IntervalEstimate, quantile, type Random, seededRandom } from "@chimera/kernel";
import { connectClient, RawChannel, type RpcClient } from "@chimera/rpc";
import type { Mesh } from "@chimera/supervisor";
import type { BenchContext } from "../benchmark.ts";
import { cpuBetweenMs, type MeteredProcess, readThreadCpu } from "../cpu.ts";
import { plainResult, ratioInterval, ratioOf, type Slice } from "../figures.ts";
import { ClosedLoop } from "../load/closed-loop.ts";
import { openLoop } from "../load/open-loop.ts";
import { withMesh } from "../mesh-under-test.ts";
import type { BenchResult } from "../result.ts";
import { rotated } from "../turns.ts";

/** Short and many, in turns: what else the machine does meanwhile meets both alike. */
const ROUNDS = { quick: 6, full: 40 };
const CAPACITY_BYTES = { full: 8 * 1024 * 1024, roomy: 1024 * 1024 * 1024 };
const ANSWER_BYTES = 4096;
/** Written before the first round, and many times again during the rounds. */
const FILLED_TIMES = 3;
const CALLERS = 16;
const CLOSED_MS = 500;
const PACED = { everyMs: 4, ms: 800 };
/** Half of the calls store what nobody stored before, half look up one of these. */
const POPULAR = 200;
const STATS_EVERY_MS = 25;
const CALL_TIMEOUT_MS = 10_000;

const { lookup, store } = CacheService.method;
const pathOf = (method: typeof lookup | typeof store) => `/${method.parent.typeName}/${method.name}`;
const [LOOKUP, STORE] = [pathOf(lookup), pathOf(store)];

interface Round {
  opsPerS: number;
  /** Of the cache process, in the closed loop. */
  cpuMsPerOp: number;
  latencyMs: readonly number[];
}

interface Subject {
  name: "saturated" | "roomy";
  client: RpcClient<typeof CacheService>["client"];
  channel: RawChannel;
  close(): void;
  process: MeteredProcess;
  /** The same sequence of calls for both. */
  random: Random;
  stored: number;
  /** Largest that Stats told while calls were under way. */
  mostBytes: number;
  /** One entry per round. */
  rounds: Round[];
}

export function saturatedResults(context: BenchContext): Promise<BenchResult[]> {
  return withCache(context, CAPACITY_BYTES.full, (full) =>
    withCache(context, CAPACITY_BYTES.roomy, async (roomy) => {
      const subjects = [subjectOf("saturated", full), subjectOf("roomy", roomy)];
      try {
        return await measure(subjects, context);
      } finally {
        for (const { close } of subjects) close();
      }
    }),
  );
}

function withCache<T>(context: BenchContext, capacityBytes: number, work: (mesh: Mesh) => Promise<T>): Promise<T> {
  const serviceEnv = { cache: { CACHE_CAPACITY_BYTES: String(capacityBytes), CACHE_MAX_ENTRIES: "1000000" } };
  return withMesh(context, { services: ["cache"], serviceEnv }, work);
}

function subjectOf(name: Subject["name"], mesh: Mesh): Subject {
  const url = mesh.url("cache");
  const { client, close } = connectClient(CacheService, url);
  const channel = new RawChannel(url);
  return {
    name,
    client,
    channel,
    close: () => {
      close();
      channel.close();
    },
    process: { name, pid: mesh.process("cache").pid },
    random: seededRandom(1),
    stored: 0,
    mostBytes: 0,
    rounds: [],
  };
}

async function measure(subjects: readonly Subject[], context: BenchContext): Promise<BenchResult[]> {
  const rounds = ROUNDS[context.quick ? "quick" : "full"];
  for (const subject of subjects) {
    context.progress(`filling the ${subject.name} cache`);
    await fill(subject, context);
  }
  for (let round = 0; round < rounds; round += 1) {
    context.progress(`round ${round + 1} of ${rounds}`);
    for (const subject of rotated(subjects, round)) await watched(subject, () => playRound(subject, context));
  }
  const stats = await Promise.all(subjects.map(({ client }) => client.stats({})));
  return resultsOf(subjects, stats);
}

async function fill(subject: Subject, { signal }: BenchContext): Promise<void> {
  const count = Math.ceil((FILLED_TIMES * CAPACITY_BYTES.full) / ANSWER_BYTES);
  for (let at = 0; at < POPULAR; at += 1) await keep(subject, `popular ${at}`);
  while (subject.stored < count) {
    signal.throwIfAborted();
    await Promise.all(Array.from({ length: CALLERS }, () => call(subject)));
  }
}

/** Latency at a fixed rate, then what it carries; the full cache is pruned in the middle of both. */
async function playRound(subject: Subject, { clock, signal }: BenchContext): Promise<void> {
  const plan = Array.from({ length: PACED.ms / PACED.everyMs }, (_, at) => ({ atMs: at * PACED.everyMs }));
  const pacedPrune = pruneAfter(subject, PACED.ms / 2);
  const send = async () => {
    await call(subject);
    return clock.monotonicMs();
  };
  const { sent } = await openLoop({ plan, send, clock, signal });
  await pacedPrune;
  const latencyMs = sent.map(({ dueAtMs, outcome }) => {
    if (!outcome.ok) throw outcome.error;
    return outcome.result - dueAtMs;
  });

  const closedPrune = pruneAfter(subject, CLOSED_MS / 2);
  const [startedAtMs, cpuBefore] = [clock.monotonicMs(), readThreadCpu(subject.process)];
  const loop = new ClosedLoop(CALLERS, async () => {
    await call(subject);
    return 0;
  });
  await wait(CLOSED_MS, undefined, { signal });
  const seconds = (clock.monotonicMs() - startedAtMs) / 1000;
  const cpuMs = cpuBetweenMs(cpuBefore, readThreadCpu(subject.process));
  subject.rounds.push({ opsPerS: loop.answers / seconds, cpuMsPerOp: cpuMs / loop.answers, latencyMs });
  loop.stop();
  await loop.ended();
  await closedPrune;
  if (loop.failures > 0) throw new Error(`${loop.failures} calls failed, the last one: ${String(loop.lastFailure)}`);
}

async function pruneAfter({ name, client }: Subject, delayMs: number): Promise<void> {
  if (name !== "saturated") return;
  await wait(delayMs);
  await client.prune({ targetBytes: BigInt(CAPACITY_BYTES.full / 2) });
}

async function call(subject: Subject): Promise<void> {
  const isStore = subject.random() < 0.5;
  const popular = Math.floor(subject.random() * POPULAR);
  if (isStore) return keep(subject, `unique ${subject.stored++}`);
  const request = create(LookupRequestSchema, { input: inputOf(`popular ${popular}`) });
  await subject.channel.unary(LOOKUP, toBinary(LookupRequestSchema, request), { timeoutMs: CALL_TIMEOUT_MS });
}

async function keep({ channel }: Subject, prompt: string): Promise<void> {
  const request = create(StoreRequestSchema, { input: inputOf(prompt), answer: ANSWER });
  await channel.unary(STORE, toBinary(StoreRequestSchema, request), { timeoutMs: CALL_TIMEOUT_MS });
}

const inputOf = (prompt: string) => ({ tenant: "bench", model: "tiny", prompt, sampling: { temperature: 0 } });

const ANSWER = create(StoredAnswerSchema, {
  deltas: [{ seq: 0, text: "a".repeat(ANSWER_BYTES), tokenCount: 1 }],
  complete: { finishReason: FinishReason.STOP, usage: { promptTokens: 9, completionTokens: 1 } },
  ttftMs: 100,
});

/** Asks for the bytes held as often as it can while `work` runs. */
async function watched(subject: Subject, work: () => Promise<void>): Promise<void> {
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) {
      const { bytes } = await subject.client.stats({});
      subject.mostBytes = Math.max(subject.mostBytes, Number(bytes));
      await wait(STATS_EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();
  try {
    await work();
  } finally {
    over.abort();
    await watching;
  }
}

function resultsOf(subjects: readonly Subject[], stats: readonly StatsResponse[]): BenchResult[] {
  const [full, roomy] = subjects;
  const evictions = Number(stats[0]?.evictions ?? 0);
  if (full === undefined || roomy === undefined || evictions === 0) throw new Error("the full cache evicted nothing");
  const how = `A cache of 8 MiB that was filled ${FILLED_TIMES} times over, evicts (${evictions} times in all) and is pruned to half twice a round, beside one of 1 GiB, two processes in turns. Half of the calls store a new answer of 4 KiB, half look up one of ${POPULAR} popular ones.`;
  const pairs = full.rounds.flatMap((spent, round): Pair[] => {
    const got = roomy.rounds[round];
    return got === undefined ? [] : [{ spent, got }];
  });
  const ratio = (id: string, of: "opsPerS" | "cpuMsPerOp", method: string): BenchResult => {
    const slices: Slice[] = pairs.map(({ spent, got }) => ({ spent: spent[of], got: got[of] }));
    const interval = ratioInterval(slices);
    const text = `${method} ${how} Interval: percentile bootstrap over rounds.`;
    return { id, value: ratioOf(slices), unit: "ratio", n: slices.length, interval, method: text };
  };
  return [
    ratio(
      "cache.saturated_throughput_ratio",
      "opsPerS",
      `Calls a second with ${CALLERS} callers in a closed loop, full ÷ roomy.`,
    ),
    ratio("cache.saturated_cpu_ratio", "cpuMsPerOp", "CPU time of the cache per call in that loop, full ÷ roomy."),
    {
      id: "cache.saturated_p99_ratio",
      value: p99Ratio(pairs),
      unit: "ratio",
      n: pairs.flatMap(({ spent }) => spent.latencyMs).length,
      interval: p99Interval(pairs),
      method: `99th percentile of the latency from the time a call was due, ${1000 / PACED.everyMs} calls a second, full ÷ roomy. ${how} Interval: percentile bootstrap over rounds.`,
    },
    plainResult({
      id: "cache.bytes_over_bound_share",
      value: full.mostBytes / CAPACITY_BYTES.full,
      unit: "share",
      n: full.rounds.length,
      method: `Most bytes that the full cache told to hold while calls were under way, asked every ${STATS_EVERY_MS} ms, ÷ its capacity. ${how}`,
    }),
  ];
}

interface Pair {
  spent: Round;
  got: Round;
}

function p99Ratio(pairs: readonly Pair[]): number {
  return p99Of(pairs.map(({ spent }) => spent)) / p99Of(pairs.map(({ got }) => got));
}

function p99Of(rounds: readonly Round[]): number {
  const all = Float64Array.from(rounds.flatMap(({ latencyMs }) => latencyMs));
  return quantile(all.sort(), 0.99);
}

const RESAMPLES = 500;

function p99Interval(pairs: readonly Pair[]): IntervalEstimate {
  const random = seededRandom(1);
  const ratios = Float64Array.from({ length: RESAMPLES }, () =>
    p99Ratio(pairs.map((pair) => pairs[Math.floor(random() * pairs.length)] ?? pair)),
  ).sort();
  return { low: quantile(ratios, 0.025), high: quantile(ratios, 0.975), level: 0.95 };
}
