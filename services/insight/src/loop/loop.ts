// The loop: one change at a time, each promised before it is made and judged after it.
import { FailedPreconditionError, InvalidRequestError, NotFoundError } from "@chimera/kernel";
import type { BrokenLink } from "../ledger/chain.ts";
import type { PredictionState } from "../ledger/loop-state.ts";
import type { Prediction } from "../ledger/prediction.ts";
import { calibrated } from "../ledger/scaling.ts";
import { settledOf } from "../ledger/settled.ts";
import type { Recommendation } from "../remedy/recommendations.ts";
import { Trial, type TrialParts } from "./trial.ts";
import { KEEPING_RULE } from "./verdict.ts";

const RETRY_MS = 5000;
/** Of what a person may write into the ledger. */
const MAX_NAME = 200;
const MAX_TEXT = 1000;

export interface RolledBack {
  readonly settingsVersion: number;
  readonly text: string;
}

export class Loop {
  readonly #parts: TrialParts;
  readonly #stop = new AbortController();
  #trial: Trial | undefined;
  /** Taken while a change begins: between the look at the ledger and the first record of it. */
  #isBeginning = false;
  #resumed: Promise<void> | undefined;
  /** Resolved once it was seen what the last process left, or that NATS is away. */
  readonly #ready = Promise.withResolvers<void>();
  #broken: BrokenLink | undefined;

  constructor(parts: TrialParts) {
    this.#parts = parts;
  }

  /** The prediction that is being tried. */
  get trying(): string | undefined {
    return this.#trial?.id;
  }

  /** Goes on where the last process ended: finishes or takes back what may be in force. Never rejects. */
  resume(): void {
    this.#resumed = this.#goOn().catch(() => undefined);
  }

  /** Resolves when what the last process left is settled. */
  async idle(): Promise<void> {
    await this.#resumed;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    const trial = this.#trial;
    await trial?.stop();
    trial?.progress.end();
    await this.#resumed;
  }

  /** Stores the predictions and waits for somebody to decide. */
  async propose(recommendation: Recommendation): Promise<void> {
    await this.#alone(async () => {
      this.#refuseImpossible(recommendation);
      await this.#promise(recommendation);
    });
  }

  /** Whoever proposed it does not want it any more. */
  async withdraw(predictionId: string, reason: string): Promise<void> {
    const { ledger } = this.#parts;
    await ledger.append({ kind: "decision-made", predictionId, verdict: "inconclusive", reason });
    await this.#run(new Trial(predictionId, this.#parts)).done;
  }

  /** Resolves once the predictions are in the ledger. */
  async begin(recommendation: Recommendation, by: string): Promise<Trial> {
    checkText("by", by, MAX_NAME);
    return this.#alone(async () => {
      this.#refuseImpossible(recommendation);
      const { ledger } = this.#parts;
      const [{ id }] = recommendation.predictions;
      const proposed = ledger.loop.predictions.get(id);
      if (proposed === undefined) await this.#promise(recommendation);
      else
        await ledger.append({ kind: "human-action", who: by, action: "approve", predictionId: id, reason: "applied" });
      const { change, proof } = recommendation;
      return this.#run(new Trial(id, this.#parts, { plan: { change, proof, by } }));
    });
  }

  /** Takes back what is in force of a prediction, whatever its verdict. */
  async rollback({ id, by, reason }: { id: string; by: string; reason: string }): Promise<RolledBack> {
    checkText("by", by, MAX_NAME);
    checkText("reason", reason, MAX_TEXT);
    const { ledger, act } = this.#parts;
    await this.#ready.promise;
    const state = (await ledger.refresh()).predictions.get(id);
    if (state === undefined) throw new NotFoundError(`there is no prediction ${id} in the ledger`, "prediction_id");
    if (ledger.broken !== undefined) {
      // Nothing can be recorded, and yet a person must be able to take it back.
      const note = { predictionId: id, by, reason };
      const settingsVersion = state.change === undefined ? 0 : await act.undo(state.change.undo, note);
      return { settingsVersion, text: "Taken back. The ledger is broken and does not tell of it." };
    }
    await ledger.append({ kind: "human-action", who: by, action: "roll back", predictionId: id, reason });
    const running = this.#trial?.id === id ? this.#trial : undefined;
    // Whatever it is waiting for, it is waiting no longer; another one goes on from the ledger, before the same watchers.
    await running?.stop();
    await this.#run(new Trial(id, this.#parts, { progress: running?.progress })).done;
    const after = ledger.loop.predictions.get(id);
    const settingsVersion = after?.settingsVersion ?? 0;
    if (after?.mustUndo) throw new FailedPreconditionError(`${id} is not taken back yet; it is tried again`);
    return { settingsVersion, text: textOf(settingsVersion) };
  }

  async #goOn(): Promise<void> {
    const { ledger, logger, sleep } = this.#parts;
    for (;;) {
      try {
        const { broken } = await ledger.verify(this.#stop.signal);
        this.#broken = broken;
        if (broken !== undefined) logger.warn({ ...broken }, "the ledger does not fit together, nothing is applied");
        const { predictions } = await ledger.refresh();
        this.#ready.resolve();
        const ids = unfinished(predictions.values());
        if (ids.size > 0) await this.#parts.caughtUp(this.#stop.signal);
        for (const id of ids) {
          const trial = new Trial(id, this.#parts);
          if (broken === undefined) await this.#run(trial).done;
          else await trial.undoUnrecorded();
        }
        return;
      } catch {
        // NATS is away; there is nothing to go on from without it.
        this.#ready.resolve();
        await sleep(RETRY_MS, this.#stop.signal);
      }
    }
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isBeginning) throw new FailedPreconditionError("another change is just beginning");
    this.#isBeginning = true;
    try {
      await this.#ready.promise;
      const { ledger } = this.#parts;
      const { predictions, pausedBy } = await ledger.refresh();
      if (pausedBy !== undefined) throw new FailedPreconditionError(`the loop was paused by ${pausedBy}`);
      const broken = ledger.broken ?? this.#broken;
      if (broken !== undefined) {
        const { sequence, reason } = broken;
        throw new FailedPreconditionError(`the ledger is broken at record ${sequence}, nothing is applied: ${reason}`);
      }
      // The one that is being begun or taken back stands in the ledger as if nobody worked on it.
      const running = this.#trial && predictions.get(this.#trial.id);
      const busy = running ?? [...predictions.values()].find((state) => isOpen(state) && state.next !== "decide");
      if (busy !== undefined) throw new FailedPreconditionError(busyText(busy));
      return await work();
    } finally {
      this.#isBeginning = false;
    }
  }

  #refuseImpossible({ change, proof }: Recommendation): void {
    const refusal = this.#parts.act.refusal(change);
    if (refusal !== undefined) throw new FailedPreconditionError(refusal);
    if (proof.kind === "blocks" || proof.kind === "control keys") return;
    throw new FailedPreconditionError(`it would be proved by ${proof.kind}, which is not done from here yet`);
  }

  /** The first one carries the change, the others are measured with it. */
  async #promise({ predictions: [first, ...others] }: Recommendation): Promise<void> {
    const { ledger } = this.#parts;
    await ledger.append({ kind: "prediction-made", prediction: this.promised(first) });
    for (const prediction of others) {
      await ledger.append({ kind: "prediction-made", prediction: this.promised(prediction), companionOf: first.id });
    }
  }

  /** As it is stored: intervals as wide as past ones should have been, and the whole rule. */
  promised(prediction: Prediction): Prediction {
    const scaled = calibrated(prediction, settledOf(this.#parts.ledger.loop));
    return { ...scaled, decisionRule: `${prediction.decisionRule}; ${KEEPING_RULE}` };
  }

  #run(trial: Trial): Trial {
    this.#trial = trial;
    trial.start();
    trial.done?.then(() => {
      if (this.#trial === trial) this.#trial = undefined;
    });
    return trial;
  }
}

/** Changes to go on with, and settled ones whose companions still wait for their outcome. */
function unfinished(states: Iterable<PredictionState>): Set<string> {
  const ids = new Set<string>();
  for (const state of states) {
    if (isOpen(state)) ids.add(state.prediction.id);
    else if (state.companionOf !== undefined && state.next === "settle") ids.add(state.companionOf);
  }
  return ids;
}

/** Companions follow the one that carries the change. */
function isOpen({ companionOf, next }: PredictionState): boolean {
  return companionOf === undefined && next !== "nothing" && next !== "wait";
}

function busyText({ prediction, phase }: PredictionState): string {
  return `${prediction.id} is ${phase}; one change at a time, or neither could be judged. Wait for it, or take it back with \`chimera rollback ${prediction.id}\``;
}

function textOf(settingsVersion: number): string {
  return settingsVersion === 0
    ? "Nothing of it is left to take back."
    : `Every service is back on what was before, as version ${settingsVersion} of the settings.`;
}

function checkText(field: string, text: string, most: number): void {
  if (text.trim() !== "" && text.length <= most) return;
  throw new InvalidRequestError([{ field, description: `needs 1 to ${most} characters` }]);
}
