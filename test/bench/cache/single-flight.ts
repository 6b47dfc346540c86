// Many callers with the same question at the same time, over two routers: how many generations that costs, and whether everybody
// has the whole answer.
import { CachePolicy } from "@chimera/contracts/common";
import { RouterService } from "@chimera/contracts/router";
import { connectClient, type RpcClient } from "@chimera/rpc";
import type { Mesh } from "@chimera/supervisor";
import { ask } from "@chimera/testkit";
import type { BenchContext } from "../benchmark.ts";
import { overRounds } from "../bootstrap.ts";
import { plainResult } from "../figures.ts";
import type { Arrivals } from "../load/arrivals.ts";
import type { FakeEngineCommands } from "../load/fake-engine-process.ts";
import { startWorker, type Worker } from "../load/worker.ts";
import { withMesh } from "../mesh-under-test.ts";
import type { BenchResult } from "../result.ts";

const BURSTS = { quick: 4, full: 100 };
/** Not counted: the code is compiled while they run. */
const WARM_UP_BURSTS = 2;
const STREAMS = 200;
const TOKENS = 40;
/** Over a second in all, as from a model on a processor. */
const ARRIVALS: Arrivals = { kind: "paced", firstMs: 200, everyMs: 25 };
const ENGINE_FILE = new URL("../load/fake-engine-process.ts", import.meta.url);

export async function singleFlightResults(context: BenchContext): Promise<BenchResult[]> {
  const engine = await startWorker<FakeEngineCommands>("engine", ENGINE_FILE);
  try {
    const { port } = await engine.ask("start", { arrivals: ARRIVALS }, context.signal);
    const serviceEnv = { router: { CHIMERA_INFERENCE_URLS: `http://127.0.0.1:${port}` } };
    const options = { services: ["router", "cache"] as const, replicas: { router: 2 }, serviceEnv };
    return await withMesh(context, options, (mesh) => measure({ mesh, engine }, context));
  } finally {
    await engine.stop();
  }
}

interface Subject {
  mesh: Mesh;
  engine: Worker<FakeEngineCommands>;
}

type Routers = readonly RpcClient<typeof RouterService>[];

interface Burst {
  generations: number;
  wrong: number;
}

async function measure({ mesh, engine }: Subject, context: BenchContext): Promise<BenchResult[]> {
  const urls = mesh.processes.filter(({ service }) => service === "router").map(({ url }) => url);
  const routers: Routers = urls.map((url) => connectClient(RouterService, url));
  const count = context.quick ? BURSTS.quick : BURSTS.full;
  const bursts: Burst[] = [];
  try {
    context.progress(`${count} bursts of ${STREAMS} identical requests over ${routers.length} routers`);
    const expected = await textOf(routers, { prompt: "undisturbed", cachePolicy: CachePolicy.BYPASS });
    for (let at = -WARM_UP_BURSTS; at < count; at++) {
      context.signal.throwIfAborted();
      const before = await engine.ask("counts", undefined);
      const wrong = await burst(routers, `burst ${at}`, expected);
      const after = await engine.ask("counts", undefined);
      // Every generation is one of all its tokens: nobody leaves.
      if (at >= 0) bursts.push({ generations: (after.emitted - before.emitted) / TOKENS, wrong });
    }
  } finally {
    for (const { close } of routers) close();
  }
  return results(bursts);
}

/** Resolves with how many callers did not get the whole answer. */
async function burst(routers: Routers, prompt: string, expected: string): Promise<number> {
  const answers = await Promise.allSettled(
    Array.from({ length: STREAMS }, (_, at) => textOf(routers.slice(at % routers.length), { prompt })),
  );
  return answers.filter((answer) => answer.status === "rejected" || answer.value !== expected).length;
}

async function textOf([router]: Routers, request: { prompt: string; cachePolicy?: CachePolicy }): Promise<string> {
  if (!router) throw new Error("no router");
  return (await ask(router.client, { ...request, sampling: { temperature: 0, maxTokens: TOKENS } })).text;
}

function results(bursts: readonly Burst[]): BenchResult[] {
  const mean = (of: readonly Burst[]) => of.reduce((sum, { generations }) => sum + generations, 0) / of.length;
  const method = `${STREAMS} callers ask the same at once, half of them at each of two routers with one cache, default settings.`;
  return [
    {
      id: "cache.single_flight_generations",
      value: mean(bursts),
      unit: "generations",
      n: bursts.length,
      interval: overRounds(bursts, mean),
      method: `Mean per burst, from the tokens the engine made. ${method} Interval by bootstrap over bursts.`,
    },
    plainResult({
      id: "cache.single_flight_wrong_streams",
      value: bursts.reduce((sum, { wrong }) => sum + wrong, 0),
      unit: "streams",
      n: bursts.length * STREAMS,
      method: `Failed, cut, or with another text than an answer made alone. ${method}`,
    }),
  ];
}
