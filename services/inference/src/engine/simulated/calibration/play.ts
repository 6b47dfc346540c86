// Plays support tickets at a set rate, whether or not earlier ones are answered, and notes how the engine spent its time on each.
import { setTimeout as wait } from "node:timers/promises";
import type { Clock } from "@chimera/kernel";
import { workload } from "@chimera/tickets";
import type { Timings, Usage } from "../../engine.ts";
import type { SpanRow } from "./rows.ts";

/** Further requests are left out and counted: the service is far behind. */
const MAX_IN_FLIGHT = 512;
const TRAFFIC = { tenants: 12, popularShare: 0.6, popularCount: 24 };

export interface Question {
  tenant: string;
  text: string;
}

export interface Measured {
  timings: Timings;
  usage: Usage;
}

export interface PlayOptions {
  /** Answers one question; a rejection counts as failed. */
  ask(question: Question): Promise<Measured>;
  slots: number;
  /** Mean of the Poisson arrivals. */
  ratePerS: number;
  seconds: number;
  seed: number;
  clock: Clock;
}

export interface Recording {
  /** In order of arrival. */
  rows: SpanRow[];
  failed: number;
  notSent: number;
}

export async function playTickets({ ask, slots, ratePerS, seconds, seed, clock }: PlayOptions): Promise<Recording> {
  const recording: Recording = { rows: [], failed: 0, notSent: 0 };
  const plan = workload({ requests: Math.ceil(ratePerS * seconds), seed, ratePerSecond: ratePerS, ...TRAFFIC });
  const open = new Set<Promise<void>>();
  const startedAtMs = clock.monotonicMs();
  const sinceStartMs = () => clock.monotonicMs() - startedAtMs;
  for (const { atMs, tenant, ticket } of plan) {
    const aheadMs = atMs - sinceStartMs();
    if (aheadMs > 0) await wait(aheadMs);
    if (open.size >= MAX_IN_FLIGHT) {
      recording.notSent++;
      continue;
    }
    const arrivedMs = sinceStartMs();
    const asking = ask({ tenant, text: ticket.input }).then(
      (measured) => void recording.rows.push(rowOf(measured, arrivedMs, slots)),
      () => void recording.failed++,
    );
    open.add(asking);
    void asking.then(() => open.delete(asking));
  }
  await Promise.all(open);
  recording.rows.sort((a, b) => a.arrived_ms - b.arrived_ms);
  return recording;
}

function rowOf({ timings, usage }: Measured, arrivedMs: number, slots: number): SpanRow {
  return {
    arrived_ms: arrivedMs,
    queue_ms: timings.queueMs,
    prefill_ms: timings.prefillMs,
    first_token_ms: timings.firstTokenMs,
    total_ms: timings.totalMs,
    prompt_tokens: usage.promptTokens,
    cached_tokens: usage.cachedTokens,
    completion_tokens: usage.completionTokens,
    slots,
  };
}
