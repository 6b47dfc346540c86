// Sends each request when its time has come, answered or not, as independent callers would. A loop that waits for answers
// slows down with the system it measures and never sees its worst moments ("coordinated omission"), so latency is counted
// from the time a request was due; the time it really left is kept beside it.
import type { Clock } from "@chimera/kernel";
import { waitUntil } from "./pace.ts";

/** Below the streams of one HTTP/2 connection: beyond them a client queues without a word, and would measure its own queue. */
export const MAX_IN_FLIGHT = 512;

export interface OpenLoopOptions<P extends { atMs: number }, R> {
  /** When each is due, in ms from the start, ascending. Its length bounds the run. */
  plan: Iterable<P>;
  /** A rejection counts as failed. Must end by itself. */
  send(request: P, signal: AbortSignal): Promise<R>;
  clock: Clock;
  /** Stops sending; requests in flight get it too. */
  signal: AbortSignal;
  maxInFlight?: number;
  pace?: typeof waitUntil;
}

/** One request; times on the clock's monotonic scale. */
export interface Sent<P, R> {
  request: P;
  dueAtMs: number;
  sentAtMs: number;
  outcome: { ok: true; result: R } | { ok: false; error: unknown };
}

export interface OpenLoopRun<P, R> {
  /** In order of their end. */
  sent: Sent<P, R>[];
  /** Due, but refused here because maxInFlight were open. */
  notSent: number;
  mostInFlight: number;
  startedAtMs: number;
  /** Of the last answer. */
  endedAtMs: number;
}

export async function openLoop<P extends { atMs: number }, R>(
  options: OpenLoopOptions<P, R>,
): Promise<OpenLoopRun<P, R>> {
  const { plan, clock, signal, maxInFlight = MAX_IN_FLIGHT, pace = waitUntil } = options;
  const startedAtMs = clock.monotonicMs();
  const run: OpenLoopRun<P, R> = { sent: [], notSent: 0, mostInFlight: 0, startedAtMs, endedAtMs: startedAtMs };
  const open = new Set<Promise<void>>();
  for (const request of plan) {
    const dueAtMs = startedAtMs + request.atMs;
    await pace(dueAtMs, clock, signal);
    if (signal.aborted) break;
    if (open.size >= maxInFlight) {
      run.notSent++;
      continue;
    }
    const sending = sendOne(options, request, dueAtMs).then((sent) => {
      open.delete(sending);
      run.sent.push(sent);
    });
    open.add(sending);
    run.mostInFlight = Math.max(run.mostInFlight, open.size);
  }
  await Promise.all(open);
  run.endedAtMs = clock.monotonicMs();
  return run;
}

async function sendOne<P extends { atMs: number }, R>(
  { send, clock, signal }: OpenLoopOptions<P, R>,
  request: P,
  dueAtMs: number,
): Promise<Sent<P, R>> {
  const sentAtMs = clock.monotonicMs();
  try {
    return { request, dueAtMs, sentAtMs, outcome: { ok: true, result: await send(request, signal) } };
  } catch (error) {
    return { request, dueAtMs, sentAtMs, outcome: { ok: false, error } };
  }
}
