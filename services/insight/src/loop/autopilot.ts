// What insight does without being asked: nothing, propose, or apply.
import type { Clock } from "@chimera/kernel";
import type { Ledger } from "../ledger/ledger.ts";
import { offerId, VALID_MS } from "../observe/offers.ts";
import type { Recommendation } from "../remedy/recommendations.ts";
import type { Loop } from "./loop.ts";

export const MODES = ["advise", "approve", "auto"] as const;
export type Mode = (typeof MODES)[number];

export interface AutopilotParts {
  readonly mode: Mode;
  readonly loop: Loop;
  readonly ledger: Ledger;
  /** The best first; may be applied by id afterwards. */
  readonly recommend: () => Promise<readonly Recommendation[]>;
  /** From the end of one change to the beginning of the next. */
  readonly coolDownMs: number;
  readonly clock: Clock;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly logger: { warn(details: object, message: string): void };
}

const LOOK_MS = 15_000;

/** Runs until the signal is aborted; never rejects. */
export async function autopilot(parts: AutopilotParts, signal: AbortSignal): Promise<void> {
  if (parts.mode === "advise") return;
  while (!signal.aborted) {
    try {
      await parts.sleep(LOOK_MS, signal);
      await look(parts);
    } catch (error) {
      if (!signal.aborted) parts.logger.warn({ err: error }, "the loop could not go on by itself, it is tried again");
    }
  }
}

/** One look: at most one thing is begun. */
export async function look(parts: AutopilotParts): Promise<void> {
  const { mode, loop, ledger, clock, coolDownMs } = parts;
  if (loop.trying !== undefined) return;
  const { predictions, pausedBy } = await ledger.refresh();
  if (pausedBy !== undefined || ledger.broken !== undefined) return;
  const states = [...predictions.values()].filter(({ companionOf }) => companionOf === undefined);
  const [proposed] = states.filter(({ next }) => next === "decide");
  if (proposed !== undefined) {
    const isOld = clock.nowMs() - proposed.prediction.madeAtMs > VALID_MS;
    if (isOld) await loop.withdraw(proposed.prediction.id, "nobody approved it while it held");
    return;
  }
  const lastEndMs = Math.max(0, ...states.map(({ outcome }) => outcome?.settledAtMs ?? 0));
  if (clock.nowMs() - lastEndMs < coolDownMs) return;
  const [best] = await parts.recommend();
  if (best === undefined || predictions.has(offerId(best))) return;
  if (mode === "approve") await loop.propose(best);
  else await loop.begin(best, "insight (auto)");
}
