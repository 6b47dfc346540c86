// Replicas die in the middle of answers: how many streams go on to their end, and whether their readers can tell.
import type { Mesh } from "@chimera/supervisor";
import type { BenchContext, Benchmark } from "./benchmark.ts";
import { withMesh } from "./mesh-under-test.ts";
import type { BenchResult } from "./result.ts";
import { type KillPlan, killReplicas } from "./resume/killer.ts";
import { Readers, STREAMS } from "./resume/readers.ts";
import { failureLines, resumeResults } from "./resume/results.ts";

const QUICK: KillPlan = { everyMs: 5000, forMs: 20_000 };
const FULL: KillPlan = { everyMs: 6000, forMs: 60_000 };

/** One replica alone takes all streams, some of them waiting: what is measured is going on, not being turned away. */
const MESH = {
  services: ["router", "inference"] as const,
  replicas: { inference: 2 },
  restart: true,
  serviceEnv: {
    router: { ROUTER_MAX_WAIT_MS: "60000" },
    inference: { INFERENCE_SLOTS: String(STREAMS / 2), INFERENCE_MAX_SLOTS: String(STREAMS / 2) },
  },
};

export const resumeBenchmark: Benchmark = {
  name: "resume",
  summary: "replicas killed in the middle of answers: streams that end well and exactly",
  limitMs: { quick: 58_000, full: 300_000 },
  run: (context) => withMesh(context, MESH, (mesh) => measure(mesh, context)),
};

async function measure(mesh: Mesh, context: BenchContext): Promise<BenchResult[]> {
  const { signal, progress, quick, clock } = context;
  const readers = await Readers.connect(mesh.url("router"), clock);
  try {
    progress(`${STREAMS} streams undisturbed, twice`);
    const first = await readers.once(signal);
    const repeated = await readers.once(signal);
    signal.throwIfAborted();
    for (const line of failureLines([...first, ...repeated])) progress(line);
    const expected = new Map(first.map(({ prompt, transcript }) => [prompt, transcript]));
    const over = new AbortController();
    const reading = readers.again(over.signal, signal);
    const kills = await killReplicas(mesh, quick ? QUICK : FULL, {
      context,
      onKill: (replica) => readers.hit(replica),
    }).finally(() => over.abort());
    const disturbed = await reading;
    for (const line of failureLines(disturbed)) progress(line);
    return resumeResults({ expected, repeated, disturbed, kills });
  } finally {
    readers.close();
  }
}
