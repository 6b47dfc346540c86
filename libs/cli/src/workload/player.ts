// Plays a plan of requests open-loop: each is sent when its time has come, whether or not earlier ones are answered, as real
// callers would. A closed loop would slow down with the system under test and hide its worst moments ("coordinated omission").
import type { Clock } from "@chimera/kernel";

/** More than this many open at once mean that the mesh is far behind; further requests are counted as not sent. */
export const MAX_IN_FLIGHT = 512;

export interface Planned {
  /** From the start of the play. */
  atMs: number;
}

export interface PlayOptions<P extends Planned, R> {
  plan: Iterable<P>;
  /** Sends one request; a rejection counts as failed. */
  send(request: P, signal: AbortSignal): Promise<R>;
  clock: Clock;
  /** Waits at least so long, or until the signal. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  signal: AbortSignal;
  maxInFlight?: number;
  onProgress?(progress: PlayProgress): void;
}

export interface PlayProgress {
  planned: number;
  finished: number;
  failed: number;
  inFlight: number;
}

export interface PlayResult<P, R> {
  planned: number;
  answered: { request: P; result: R }[];
  failures: { request: P; error: unknown }[];
  /** Not sent because MAX_IN_FLIGHT were open. */
  notSent: number;
  /** How late each request was sent, ascending: a late player measures itself. */
  lagMs: number[];
  wallMs: number;
  mostInFlight: number;
}

export async function play<P extends Planned, R>(options: PlayOptions<P, R>): Promise<PlayResult<P, R>> {
  const { plan, clock, sleep, signal, maxInFlight = MAX_IN_FLIGHT } = options;
  const startedAtMs = clock.monotonicMs();
  const result: PlayResult<P, R> = {
    planned: 0,
    answered: [],
    failures: [],
    notSent: 0,
    lagMs: [],
    wallMs: 0,
    mostInFlight: 0,
  };
  const open = new Set<Promise<void>>();
  for (const request of plan) {
    const waitMs = request.atMs - (clock.monotonicMs() - startedAtMs);
    if (waitMs > 0) await sleep(waitMs, signal);
    if (signal.aborted) break;
    result.planned++;
    if (open.size >= maxInFlight) {
      result.notSent++;
      continue;
    }
    result.lagMs.push(Math.max(0, clock.monotonicMs() - startedAtMs - request.atMs));
    const sent = sendOne(options, request, result).finally(() => {
      open.delete(sent);
      report(options, result, open.size);
    });
    open.add(sent);
    result.mostInFlight = Math.max(result.mostInFlight, open.size);
  }
  await Promise.all(open);
  result.wallMs = clock.monotonicMs() - startedAtMs;
  result.lagMs.sort((a, b) => a - b);
  return result;
}

async function sendOne<P extends Planned, R>(
  { send, signal }: PlayOptions<P, R>,
  request: P,
  result: PlayResult<P, R>,
): Promise<void> {
  try {
    result.answered.push({ request, result: await send(request, signal) });
  } catch (error) {
    result.failures.push({ request, error });
  }
}

function report<P extends Planned, R>(options: PlayOptions<P, R>, result: PlayResult<P, R>, inFlight: number): void {
  const { planned, answered, failures, notSent } = result;
  options.onProgress?.({
    planned,
    finished: answered.length + failures.length + notSent,
    failed: failures.length,
    inFlight,
  });
}
