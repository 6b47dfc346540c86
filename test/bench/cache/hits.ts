// What a stored answer costs on its way through the router: time to its first token, and how many a second one core carries.
import { create, toBinary } from "@bufbuild/protobuf";
import { CacheStatus, type GenerateResponse, Role } from "@chimera/contracts/common";
import { GenerateRequestSchema, RouterService } from "@chimera/contracts/router";
import { quantile } from "@chimera/kernel";
import { connectClient, envelope } from "@chimera/rpc";
import type { Mesh } from "@chimera/supervisor";
import type { BenchContext } from "../benchmark.ts";
import { percentileResults, plainResult, ratioInterval, ratioOf, type Slice } from "../figures.ts";
import type { GrpcLoadCommands } from "../load/grpc-load-process.ts";
import type { GrpcTarget } from "../load/grpc-streams.ts";
import { startWorker, type Worker } from "../load/worker.ts";
import { withMesh } from "../mesh-under-test.ts";
import type { BenchResult } from "../result.ts";

const PACED = { quick: { everyMs: 5, count: 1000 }, full: { everyMs: 5, count: 6000 } };
const ROUNDS = { quick: 1, full: 12 };
const CLOSED = { callers: 32, connections: 4, warmUpMs: 500, measureMs: 2000 };
const MEASURED = ["router", "cache"] as const;

const REQUEST = create(GenerateRequestSchema, {
  messages: [{ role: Role.USER, content: "i was charged twice for one order" }],
  sampling: { temperature: 0 },
});

export function hitResults(context: BenchContext): Promise<BenchResult[]> {
  return withMesh(context, { services: ["router", "cache", "inference"] }, async (mesh) => {
    const load = await startWorker<GrpcLoadCommands>("load", new URL("../load/grpc-load-process.ts", import.meta.url));
    try {
      const target = await storedAnswer(mesh);
      return [...(await paced(load, target, context)), ...(await closed({ load, target, mesh }, context))];
    } finally {
      await load.stop();
    }
  });
}

/** Makes one answer, and the request that hits it from then on. */
async function storedAnswer(mesh: Mesh): Promise<GrpcTarget> {
  const { client, close } = connectClient(RouterService, mesh.url("router"));
  try {
    let answer = await read(client.generate(REQUEST));
    while (!answer.isHit) answer = await read(client.generate(REQUEST));
    return {
      port: Number(new URL(mesh.url("router")).port),
      path: `/${RouterService.typeName}/${RouterService.method.generate.name}`,
      body: envelope(toBinary(GenerateRequestSchema, REQUEST)),
      tokens: answer.deltas,
    };
  } finally {
    close();
  }
}

async function read(parts: AsyncIterable<GenerateResponse>): Promise<{ isHit: boolean; deltas: number }> {
  const answer = { isHit: false, deltas: 0 };
  for await (const { part } of parts) {
    if (part.case === "accepted") answer.isHit = part.value.cache?.status === CacheStatus.HIT;
    if (part.case === "delta") answer.deltas += 1;
  }
  return answer;
}

async function paced(
  load: Worker<GrpcLoadCommands>,
  target: GrpcTarget,
  context: BenchContext,
): Promise<BenchResult[]> {
  const plan = PACED[context.quick ? "quick" : "full"];
  context.progress(`one hit every ${plan.everyMs} ms, ${plan.count} times`);
  await load.ask("paced", { target, everyMs: 2, count: 1000 }, context.signal);
  const { ttftMs, failures, lastFailure } = await load.ask("paced", { target, ...plan }, context.signal);
  if (failures > 0) throw new Error(`${failures} hits were not whole, the last one: ${lastFailure}`);
  const method = `The same greedy request over one gRPC connection every ${plan.everyMs} ms (open loop), all of them hits of a cache in memory: time from when it was due to its first token, router and cache in processes of their own.`;
  return percentileResults({ id: "cache.hit_ttft_ms", values: ttftMs, percents: [50, 99], unit: "ms", method });
}

interface Subject {
  load: Worker<GrpcLoadCommands>;
  target: GrpcTarget;
  mesh: Mesh;
}

/** CPU time is read of one process a round, in turns. */
async function closed({ load, target, mesh }: Subject, context: BenchContext): Promise<BenchResult[]> {
  const spent: Record<(typeof MEASURED)[number], Slice[]> = { router: [], cache: [] };
  const perS: number[] = [];
  const rounds = ROUNDS[context.quick ? "quick" : "full"];
  for (let round = 0; round < rounds; round++) {
    context.progress(`hits from ${CLOSED.callers} callers in a closed loop, round ${round + 1} of ${rounds}`);
    for (const name of MEASURED) {
      const pids = [mesh.process(name).pid ?? 0];
      const result = await load.ask("closed", { target, pids, ...CLOSED }, context.signal);
      if (result.failures > 0) throw new Error(`${result.failures} hits were not whole: ${result.lastFailure}`);
      spent[name].push({ spent: result.cpuMs / 1000, got: result.answers });
      perS.push(result.answers / result.seconds);
    }
  }
  const costs = MEASURED.map((name) => ratioOf(spent[name]) ?? Number.NaN);
  const busiest = (costs[0] ?? 0) >= (costs[1] ?? 0) ? "router" : "cache";
  const interval = ratioInterval(spent[busiest]);
  const n = spent[busiest].reduce((total, { got }) => total + got, 0);
  const how = `${CLOSED.callers} callers in a closed loop, rounds of ${CLOSED.measureMs / 1000} s after ${CLOSED.warmUpMs / 1000} s that do not count, answers of ${target.tokens} deltas; CPU time of all threads from the operating system.`;
  return [
    {
      id: "cache.hits_per_s",
      value: 1 / Math.max(...costs),
      unit: "1/s",
      n,
      interval: interval && { low: 1 / interval.high, high: 1 / interval.low, level: interval.level },
      method: `Hits ÷ CPU seconds of the busier of router and cache (here the ${busiest}): what both carry with one core each. ${how} Interval: bootstrap over rounds.`,
    },
    ...MEASURED.map(
      (name, index): BenchResult => ({
        id: `cache.hit_cpu_us_${name}`,
        value: (costs[index] ?? Number.NaN) * 1e6,
        unit: "µs",
        n: spent[name].reduce((total, { got }) => total + got, 0),
        interval: scaled(ratioInterval(spent[name]), 1e6),
        method: `CPU time of the ${name} per hit. ${how} Interval: bootstrap over rounds.`,
      }),
    ),
    plainResult({
      id: "cache.hits_per_s_measured",
      value: quantile(
        perS.toSorted((a, b) => a - b),
        0.5,
      ),
      unit: "1/s",
      n: perS.length,
      method: `Median over rounds of the hits a second that came through, load generator, router and cache sharing this machine's cores. ${how}`,
    }),
  ];
}

function scaled(interval: ReturnType<typeof ratioInterval>, by: number): ReturnType<typeof ratioInterval> {
  return interval && { ...interval, low: interval.low * by, high: interval.high * by };
}
