// What the mesh costs around the engine: CPU of everything that serves a request, against the engine called in a program of one's own.
import type { Engine } from "@chimera/inference";
import type { Mesh } from "@chimera/supervisor";
import { loadTickets, type Ticket } from "@chimera/tickets";
import type { BenchContext } from "../benchmark.ts";
import { cpuBetweenMs, type MeteredProcess, readThreadCpu } from "../cpu.ts";
import { plainResult, ratioInterval, ratioOf, type Slice, sum } from "../figures.ts";
import { connectTickets, type TicketClient } from "../load/ticket-client.ts";
import { meshProcesses, withMesh } from "../mesh-under-test.ts";
import type { BenchResult } from "../result.ts";
import { openBenchEngine, readAnswer } from "./questions.ts";

const CONCURRENCY = 8;
const BLOCK_REQUESTS = 100;
const PAIRS = { quick: 3, full: 20 };
/** As the ticket client asks the mesh. */
const SAMPLING = { temperature: 0, maxTokens: 24 };

export function meshCpuResults(context: BenchContext): Promise<BenchResult[]> {
  return withMesh(context, {}, async (mesh) => {
    const engine = await openBenchEngine({ slots: CONCURRENCY });
    const tickets = connectTickets(mesh.url("router"), context.clock);
    try {
      return await measure({ mesh, engine, tickets }, context);
    } finally {
      tickets.close();
      await engine.dispose();
    }
  });
}

interface Subject {
  mesh: Mesh;
  engine: Engine;
  tickets: TicketClient;
}

async function measure({ mesh, engine, tickets }: Subject, context: BenchContext): Promise<BenchResult[]> {
  const { quick, signal, progress } = context;
  const pairs = quick ? PAIRS.quick : PAIRS.full;
  const all = await loadTickets("train");
  const through = (ticket: Ticket) => tickets.ask({ tenant: "bench", ticket }, { cache: "off", signal });
  const direct = ({ input }: Ticket) => {
    const messages = [{ role: "user", content: input }] as const;
    return readAnswer(engine, { input: { kind: "messages", messages }, sampling: SAMPLING }, { signal });
  };
  const served = meshProcesses(mesh);
  const self = [{ name: "bench", pid: process.pid }];
  progress(`whole path against direct call: ${pairs} pairs of ${BLOCK_REQUESTS} requests`);
  await block(all, 0, through);
  await block(all, 0, direct);
  const slices: Slice[] = [];
  for (let pair = 1; pair <= pairs; pair++) {
    // The same tickets on both sides, in turns.
    const spent = await cpuOf(served, () => block(all, pair, through));
    const got = await cpuOf(self, () => block(all, pair, direct));
    slices.push({ spent, got });
  }
  return [
    {
      id: "engine.mesh_cpu_ratio",
      value: ratioOf(slices),
      unit: "ratio",
      n: pairs * BLOCK_REQUESTS,
      interval: ratioInterval(slices),
      method: `CPU time of services and NATS per request through the router, cache bypassed ÷ CPU time of a process that calls the engine itself with the same tickets; ${CONCURRENCY} at a time, in turns, from the operating system's schedstat. Interval: percentile bootstrap over pairs of blocks.`,
    },
    perRequest(
      "engine.mesh_cpu_ms_per_request",
      slices.map(({ spent }) => spent),
      "through the router",
    ),
    perRequest(
      "engine.direct_cpu_ms_per_request",
      slices.map(({ got }) => got),
      "called in its own process",
    ),
  ];
}

async function block(
  tickets: readonly Ticket[],
  index: number,
  ask: (ticket: Ticket) => Promise<unknown>,
): Promise<void> {
  const left = Array.from(
    { length: BLOCK_REQUESTS },
    (_, i) => tickets[(index * BLOCK_REQUESTS + i) % tickets.length],
  ).values();
  const worker = async () => {
    for (const ticket of left) if (ticket) await ask(ticket);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

async function cpuOf(processes: readonly MeteredProcess[], work: () => Promise<void>): Promise<number> {
  const before = processes.map(readThreadCpu);
  await work();
  const after = processes.map(readThreadCpu);
  return sum(after.map((cpu, index) => cpuBetweenMs(before[index] ?? cpu, cpu)));
}

function perRequest(id: string, blocksMs: readonly number[], how: string): BenchResult {
  const n = blocksMs.length * BLOCK_REQUESTS;
  return plainResult({ id, value: sum(blocksMs) / n, unit: "ms", n, method: `CPU time per request ${how}.` });
}
