// Asks the engine itself how busy it is, one question straight after the other. An answer is as old as its way back, so the
// moment the engine fell idle is known to lie between two points in time; both are kept.
import { InferenceService } from "@chimera/contracts/inference";
import type { Clock } from "@chimera/kernel";
import { connectClient } from "@chimera/rpc";

/** An engine that is busy for so long after its client left was not told. */
const GIVE_UP_MS = 5000;

export interface IdleMoment {
  /** The engine was still busy when this was asked, or the watch began here. */
  notBeforeMs: number;
  /** The engine was idle when this was answered. */
  notAfterMs: number;
}

export interface EngineCounters {
  finished: number;
  cancelled: number;
}

export interface EngineWatch {
  counters(): Promise<EngineCounters>;
  /** False where `missed` became true first: the work was over between two polls. */
  untilBusy(signal: AbortSignal, missed: () => boolean): Promise<boolean>;
  /** Throws when that does not happen within 5 s. */
  untilIdle(signal: AbortSignal): Promise<IdleMoment>;
  close(): void;
}

export function watchEngine(inferenceUrl: string, clock: Clock): EngineWatch {
  const inference = connectClient(InferenceService, inferenceUrl);
  const isBusy = async (signal: AbortSignal) => {
    const { activeGenerations, queued } = await inference.client.describe({}, { signal });
    return activeGenerations + queued > 0;
  };
  return {
    counters: async () => {
      const { finished, cancelled } = await inference.client.describe({});
      return { finished: Number(finished), cancelled: Number(cancelled) };
    },
    untilBusy: async (signal, missed) => {
      while (!missed()) if (await isBusy(signal)) return !missed();
      return false;
    },
    untilIdle: async (signal) => {
      let notBeforeMs = clock.monotonicMs();
      for (const giveUpAtMs = notBeforeMs + GIVE_UP_MS; clock.monotonicMs() < giveUpAtMs; ) {
        const askedAtMs = clock.monotonicMs();
        if (!(await isBusy(signal))) return { notBeforeMs, notAfterMs: clock.monotonicMs() };
        notBeforeMs = askedAtMs;
      }
      throw new Error(`the engine was still busy ${GIVE_UP_MS / 1000} s after its client had left`);
    },
    close: inference.close,
  };
}
