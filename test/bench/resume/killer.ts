// Takes one replica after the other away without a word, and waits until it is back before the next.
import { setTimeout as wait } from "node:timers/promises";
import { checkHealth, type Mesh } from "@chimera/supervisor";
import type { BenchContext } from "../benchmark.ts";

const POLL_MS = 50;
/** A replica that is not back by then is broken, not slow. */
const BACK_TIMEOUT_MS = 60_000;

export interface KillPlan {
  /** At least, from one to the next. The supervisor restarts a process five times a minute. */
  everyMs: number;
  forMs: number;
}

/** `onKill` is called right before. Returns how many were killed; all are back then. */
export async function killReplicas(
  mesh: Mesh,
  { everyMs, forMs }: KillPlan,
  { context, onKill }: { context: BenchContext; onKill(replica: string): void },
): Promise<number> {
  const { clock, signal, progress } = context;
  const replicas = mesh.processes.filter(({ service }) => service === "inference");
  const endsAtMs = clock.monotonicMs() + forMs;
  let kills = 0;
  for (;;) {
    const nextAtMs = clock.monotonicMs() + everyMs;
    const victim = replicas[kills % replicas.length];
    if (victim === undefined || nextAtMs > endsAtMs) break;
    await wait(everyMs, undefined, { signal });
    progress(`kill -9 ${victim.name}`);
    onKill(victim.name);
    const { pid } = victim;
    victim.kill("SIGKILL");
    kills += 1;
    await untilBack({ isNew: () => victim.pid !== pid, url: victim.url, name: victim.name }, context);
  }
  await wait(Math.max(0, endsAtMs - clock.monotonicMs()), undefined, { signal });
  return kills;
}

interface Awaited {
  isNew(): boolean;
  url: string;
  name: string;
}

async function untilBack({ isNew, url, name }: Awaited, { clock, signal }: BenchContext): Promise<void> {
  for (const giveUpAtMs = clock.monotonicMs() + BACK_TIMEOUT_MS; clock.monotonicMs() < giveUpAtMs; ) {
    if (isNew() && (await checkHealth(url)) === "serving") return;
    await wait(POLL_MS, undefined, { signal });
  }
  throw new Error(`${name} was not back ${BACK_TIMEOUT_MS / 1000} s after it was killed`);
}
