// The measurement of one request. It opens when the request arrives and closes when its handle closes, so cancelled and failed
// requests are counted too.
import { CacheStatus, type GenerateResponse, type Timings, type Usage } from "@chimera/contracts/common";
import { statusName } from "@chimera/rpc";
import type { Context } from "../context.ts";
import type { Accepted } from "../path/accept.ts";
import type { CacheDecision } from "../path/cache-lookup.ts";
import type { Door, IncomingCall } from "../path/call.ts";

/** Gaps between deltas kept of one answer; later ones of a longer answer are left out of the statistics. */
const MAX_GAPS = 4096;

export interface FinishedOutcome {
  requestId: string;
  tenant: string;
  workload: string;
  door: Door;
  model: string;
  modelVersion: string;
  servedBy: string;
  cache: { status: CacheStatus; reason: string };
  status: string;
  arrivedAtEpochMs: number;
  ttftMs: number | undefined;
  turnMs: number;
  interTokenMs: number[];
  usage: Usage | undefined;
  engine: Timings | undefined;
}

export interface Outcome {
  accepted(accepted: Accepted): void;
  cached(decision: CacheDecision): void;
  servedBy(name: string): void;
  part(response: GenerateResponse): void;
  fail(error: unknown): void;
  /** The reader went away without an error. Does nothing after fail(). */
  left(): void;
  readonly ttftMs: number | undefined;
  close(): FinishedOutcome;
}

export function openOutcome(context: Context, call: IncomingCall): Outcome {
  const { clock } = context;
  const epochMs = Math.round(clock.nowMs() - (clock.monotonicMs() - call.arrivedAtMs));
  const finished: FinishedOutcome = {
    requestId: call.request.requestId || context.newId(),
    tenant: call.tenant,
    workload: call.workload,
    door: call.door,
    model: call.request.model,
    modelVersion: "",
    servedBy: "",
    cache: { status: CacheStatus.UNSPECIFIED, reason: "" },
    status: "OK",
    arrivedAtEpochMs: epochMs,
    ttftMs: undefined,
    turnMs: 0,
    interTokenMs: [],
    usage: undefined,
    engine: undefined,
  };
  let lastDeltaAtMs = 0;
  context.stats.arrived();
  return {
    accepted({ requestId, model }) {
      finished.requestId = requestId;
      finished.model = model.id;
      finished.modelVersion = model.version;
    },
    cached: ({ status, reason }) => {
      finished.cache = { status, reason };
    },
    servedBy: (name) => {
      finished.servedBy = name;
    },
    part({ part }) {
      if (part.case === "complete") {
        finished.usage = part.value.usage;
        finished.engine = part.value.timings;
      }
      if (part.case !== "delta" || part.value.text === "") return;
      const nowMs = clock.monotonicMs();
      if (finished.ttftMs === undefined) finished.ttftMs = nowMs - call.arrivedAtMs;
      else if (finished.interTokenMs.length < MAX_GAPS) finished.interTokenMs.push(nowMs - lastDeltaAtMs);
      lastDeltaAtMs = nowMs;
    },
    fail: (error) => {
      finished.status = call.signal.aborted ? "CANCELLED" : statusName(error);
    },
    left: () => {
      // Whoever has the end of the answer has all of it.
      if (finished.status === "OK" && !finished.usage) finished.status = "CANCELLED";
    },
    get ttftMs() {
      return finished.ttftMs;
    },
    close() {
      finished.turnMs = clock.monotonicMs() - call.arrivedAtMs;
      context.stats.departed();
      return finished;
    },
  };
}
