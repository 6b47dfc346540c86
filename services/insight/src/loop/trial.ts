// One change on its way from its promise to its outcome. It does what the ledger says comes next, whether it began the change itself
// or goes on where another process ended.
import { ChimeraError, type Clock, UnavailableError } from "@chimera/kernel";
import type { Act, Note } from "../act/act.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Block, PredictionState } from "../ledger/loop-state.ts";
import type { Outcome, Prediction } from "../ledger/prediction.ts";
import type { LedgerEntry } from "../ledger/record.ts";
import { blockPlan, measureBlocks } from "./blocks.ts";
import { Guardrails } from "./guardrails.ts";
import { type Plan, planJson, planOf } from "./plan.ts";
import { type Progress, ProgressFeed } from "./progress.ts";
import type { Traffic } from "./traffic.ts";
import { type Decision, judge, type Measured, nothingMeasured } from "./verdict.ts";
import { measureWarmUp, warmUpSince, windowOf } from "./warm-up-measure.ts";

export interface TrialParts {
  readonly ledger: Ledger;
  readonly act: Act;
  readonly traffic: Traffic;
  readonly clock: Clock;
  /** Rejects when the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Resolves when the records hold what happened before this process: trials it goes on with are judged by that. */
  readonly caughtUp: (signal: AbortSignal) => Promise<void>;
  readonly logger: { warn(details: object, message: string): void };
}

const POLL_MS = 1000;
/** Events of requests that ended with a block may still be on their way. */
const LATE_MS = 5000;
/** After a failure, twice as long each time. */
const RETRY_MS = { first: 1000, most: 30_000 };
const WARM = "warm";

export class Trial {
  readonly id: string;
  readonly progress: ProgressFeed;
  readonly #parts: TrialParts;
  /** Known before it stands in the ledger where this process begins the change. */
  readonly #plan: Plan | undefined;
  readonly #stop = new AbortController();
  #guardrails: Guardrails | undefined;
  #mark = 0;
  /** By prediction: what was decided on is what is settled, although requests go on coming. */
  readonly #measured = new Map<string, Measured>();
  /** The ledger's state lets go of them with the outcome; companions are measured after it. */
  #blocks: PredictionState["ended"] = [];
  #decidedAtMs: number | undefined;
  #undoneMs: number | undefined;
  done: Promise<void> | undefined;

  constructor(id: string, parts: TrialParts, options: { plan?: Plan; progress?: ProgressFeed | undefined } = {}) {
    this.id = id;
    this.#parts = parts;
    this.#plan = options.plan;
    this.progress = options.progress ?? new ProgressFeed();
  }

  /** Ends when it is settled, or when it is stopped; never rejects. */
  start(): void {
    this.done = this.#drive().then(
      () => this.progress.end(),
      (error: unknown) => {
        if (this.#stop.signal.aborted) return;
        this.#parts.logger.warn({ err: error, prediction: this.id }, "a trial broke off");
        this.progress.end();
      },
    );
  }

  /** Leaves everything as it is, its watchers too: whoever reads the ledger next goes on. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.done;
  }

  async #drive(): Promise<void> {
    let retryMs = RETRY_MS.first;
    for (;;) {
      this.#stop.signal.throwIfAborted();
      try {
        if (await this.#step()) return;
        retryMs = RETRY_MS.first;
      } catch (error) {
        this.#stop.signal.throwIfAborted();
        this.#parts.logger.warn({ err: error, prediction: this.id }, "a step of a trial failed, it is tried again");
        await this.#parts.sleep(retryMs, this.#stop.signal);
        retryMs = Math.min(RETRY_MS.most, 2 * retryMs);
      }
    }
  }

  /** True when there is nothing left to do. */
  async #step(): Promise<boolean> {
    if (this.#parts.ledger.broken !== undefined) {
      await this.undoUnrecorded();
      return true;
    }
    const state = (await this.#parts.ledger.refresh()).predictions.get(this.id);
    switch (state?.next) {
      case "decide":
        await this.#begin(state);
        return false;
      case "put in force":
        await this.#putInForce(state);
        return false;
      case "verify":
        await this.#verify(state);
        return false;
      case "undo":
        await this.#undo(state);
        return false;
      case "settle":
        await this.#settle(state);
        return false;
      default:
        await this.#settleCompanions();
        return true;
    }
  }

  async #begin({ prediction }: PredictionState): Promise<void> {
    if (this.#plan === undefined) {
      await this.#decide({ verdict: "inconclusive", reason: "who proposed it ended before anybody decided" });
      return;
    }
    const undo = await this.#parts.act.undoOf(this.#plan.change);
    this.#tell("predicted", `${prediction.metric} by ${prediction.remedy}, stored before anything is changed`);
    await this.#append({ kind: "change-started", predictionId: this.id, change: planJson(this.#plan), undo });
  }

  async #putInForce(state: PredictionState): Promise<void> {
    const isForGood = state.decision !== undefined;
    try {
      const settingsVersion = await this.#apply(state, isForGood);
      await this.#append({ kind: "change-applied", predictionId: this.id, settingsVersion });
      this.#tell("applied", inForceText(settingsVersion, isForGood));
    } catch (error) {
      await this.#couldNot(state, error);
    }
  }

  /** What can not be put in force is taken back, as far as it came. */
  async #couldNot(state: PredictionState, error: unknown): Promise<void> {
    this.#stop.signal.throwIfAborted();
    if (!(error instanceof ChimeraError) || error instanceof UnavailableError) throw error;
    const reason = `it could not be put in force: ${error.message}`;
    if (state.decision === undefined) await this.#decide({ verdict: "inconclusive", reason });
    else await this.#trip({ guardrail: "in force", reason });
  }

  async #verify(state: PredictionState): Promise<void> {
    const { proof } = this.#planOf(state);
    if (proof.kind === "control keys") await this.#watchWarmUp(state);
    else await this.#runBlock(state);
  }

  async #watchWarmUp(state: PredictionState): Promise<void> {
    const { proof } = this.#planOf(state);
    const { act, clock } = this.#parts;
    if (state.open === undefined && state.ended.length === 0) {
      await this.#append({ kind: "block-started", predictionId: this.id, block: 0, arm: WARM });
      this.#tell("verifying", `for at most ${Math.round(proof.maxLengthMs / 1000)} s, or ${proof.minN} requests each`);
      return;
    }
    const { open } = state;
    if (open !== undefined) {
      const endMs = open.startedAtMs + proof.maxLengthMs;
      // As many requests as the promise was made for. The end depends on how many came and not on what they show, so that looking
      // often favours no verdict.
      const { n: wanted } = state.prediction.baseline;
      const isOver = async () => {
        const gain = warmUpSince(await act.warmUps(), state.prediction.madeAtMs)?.gain;
        const least = Math.min(Number(gain?.treatedRequests ?? 0n), Number(gain?.controlRequests ?? 0n));
        return (least >= proof.minN && this.#exposed >= wanted) || clock.nowMs() >= endMs;
      };
      if (!(await this.#watch(state, isOver))) return;
      await this.#append({ kind: "block-ended", predictionId: this.id, block: 0, arm: WARM, n: this.#exposed });
    }
    const measured = await this.#measure(state);
    await this.#decide(judge(state.prediction.metric, measured, proof.minN));
  }

  async #runBlock(state: PredictionState): Promise<void> {
    const { proof } = this.#planOf(state);
    const { sides, blockMs } = blockPlan(proof, this.id);
    const block = state.ended.length;
    const arm = sides[block];
    const { clock, sleep } = this.#parts;
    if (arm === undefined) {
      await sleep(LATE_MS, this.#stop.signal);
      await this.#decide(judge(state.prediction.metric, await this.#measure(state), proof.minN));
      return;
    }
    await this.#append({ kind: "block-started", predictionId: this.id, block, arm });
    try {
      if (arm === "on") await this.#apply(state, false);
      else await this.#takeBack(state);
    } catch (error) {
      await this.#couldNot(state, error);
      return;
    }
    this.#tell("verifying", `block ${block + 1} of ${sides.length}: ${arm}`);
    const startedAtMs = this.#parts.ledger.loop.predictions.get(this.id)?.open?.startedAtMs ?? clock.nowMs();
    const isOver = async () => clock.nowMs() >= startedAtMs + blockMs;
    if (!(await this.#watch(state, isOver))) return;
    const n = this.#parts.traffic.within({ fromMs: startedAtMs, toMs: clock.nowMs() }).length;
    await this.#append({ kind: "block-ended", predictionId: this.id, block, arm, n });
  }

  /** False where the trial was given up: by a guardrail, or by somebody. */
  async #watch(state: PredictionState, isOver: () => Promise<boolean>): Promise<boolean> {
    for (;;) {
      const now = (await this.#parts.ledger.refresh()).predictions.get(this.id);
      if (now?.next !== "verify") return false;
      const tripped = this.#look(state, now);
      if (tripped !== undefined) {
        await this.#trip(tripped);
        return false;
      }
      if (await isOver()) return true;
      await this.#parts.sleep(POLL_MS, this.#stop.signal);
    }
  }

  #look(state: PredictionState, { ended, open }: PredictionState) {
    const { traffic } = this.#parts;
    const { proof } = this.#planOf(state);
    this.#guardrails ??= new Guardrails(proof.guardrails, traffic.within(state.prediction.baseline.window));
    const { samples, mark } = traffic.since(this.#mark);
    this.#mark = mark;
    for (const sample of samples) {
      const isIn = (block: Block & { endedAtMs?: number }) =>
        block.arm !== "off" &&
        sample.arrivedMs >= block.startedAtMs &&
        sample.arrivedMs < (block.endedAtMs ?? Number.POSITIVE_INFINITY);
      if (ended.some(isIn) || (open !== undefined && isIn(open))) this.#guardrails.add(sample);
    }
    return this.#guardrails.tripped;
  }

  get #exposed(): number {
    return this.#guardrails?.exposed ?? 0;
  }

  async #trip({ guardrail, reason }: { guardrail: string; reason: string }): Promise<void> {
    this.#decidedAtMs = this.#parts.clock.monotonicMs();
    await this.#append({ kind: "guardrail-tripped", predictionId: this.id, guardrail, reason });
    this.#tell("guardrail", `${guardrail}: ${reason}`);
  }

  async #decide({ verdict, reason }: Decision): Promise<void> {
    this.#decidedAtMs = this.#parts.clock.monotonicMs();
    await this.#append({ kind: "decision-made", predictionId: this.id, verdict, reason });
  }

  async #undo(state: PredictionState): Promise<void> {
    const settingsVersion = await this.#takeBack(state);
    await this.#append({ kind: "rolled-back", predictionId: this.id, settingsVersion });
    // Unknown where somebody else decided.
    if (this.#decidedAtMs !== undefined) this.#undoneMs = this.#parts.clock.monotonicMs() - this.#decidedAtMs;
    this.#tell("rolled back", `back to what was before${this.#undoneText()}`);
  }

  async #settle(state: PredictionState): Promise<void> {
    const measured = await this.#measure(state);
    const { verdict = "inconclusive", reason = "" } = state.decision ?? {};
    const met = this.#exposed === 0 ? "" : `; ${this.#exposed} requests met the change`;
    const outcome = this.#outcomeOf(state, measured, { verdict, reason: `${reason}${met}${this.#undoneText()}` });
    await this.#append({ kind: "outcome-settled", outcome });
    this.#tell("settled", `${verdict}: ${outcome.reason}`, { prediction: state.prediction, outcome });
  }

  async #settleCompanions(): Promise<void> {
    const { ledger } = this.#parts;
    const carrier = ledger.loop.predictions.get(this.id);
    const companions = [...ledger.loop.predictions.values()].filter((each) => each.companionOf === this.id);
    for (const companion of companions.filter(({ next }) => next === "settle")) {
      const { prediction } = companion;
      const measured = carrier === undefined ? nothingMeasured("") : await this.#measure(carrier, prediction);
      const verdict = carrier?.outcome?.verdict ?? "inconclusive";
      const reason = `decided with ${this.id}`;
      await this.#append({
        kind: "outcome-settled",
        outcome: this.#outcomeOf(companion, measured, { verdict, reason }),
      });
    }
  }

  #outcomeOf({ prediction, ended, open }: PredictionState, measured: Measured, decision: Decision): Outcome {
    const nowMs = this.#parts.clock.nowMs();
    const first = ended[0] ?? open;
    return {
      predictionId: prediction.id,
      settledAtMs: nowMs,
      relative: measured.relative,
      interval95: measured.relative === undefined ? undefined : measured.interval95,
      n: measured.n.on + measured.n.off,
      window: { fromMs: first?.startedAtMs ?? prediction.madeAtMs, toMs: ended.at(-1)?.endedAtMs ?? nowMs },
      design: measured.design,
      ...decision,
    };
  }

  /** From what the ledger and the records hold, so that another process comes to the same. */
  async #measure(state: PredictionState, prediction = state.prediction): Promise<Measured> {
    const known = this.#measured.get(prediction.id);
    if (known !== undefined) return known;
    const measured = await this.#measureAnew(state, prediction);
    this.#measured.set(prediction.id, measured);
    return measured;
  }

  async #measureAnew(state: PredictionState, { metric }: Prediction): Promise<Measured> {
    const { act, traffic } = this.#parts;
    if (state.change === undefined) return nothingMeasured("never applied");
    if (this.#planOf(state).proof.kind !== "control keys") {
      const blocks = state.ended.length > 0 ? state.ended : this.#blocks;
      this.#blocks = blocks;
      const window = { fromMs: blocks[0]?.startedAtMs ?? 0, toMs: blocks.at(-1)?.endedAtMs ?? 0 };
      return measureBlocks(metric, blocks, blocks.length === 0 ? [] : traffic.within(window));
    }
    const warmUps = await act.warmUps().catch(() => []);
    const warmUp = warmUpSince(warmUps, state.prediction.madeAtMs);
    if (warmUp === undefined) return nothingMeasured("questions left cold by lot; the cache that drew them is gone");
    const window = windowOf(warmUp);
    return measureWarmUp(metric, warmUp, window === undefined ? [] : traffic.within(window));
  }

  #apply(state: PredictionState, isForGood: boolean): Promise<number> {
    const { change, proof } = this.#planOf(state);
    const undo = state.change?.undo ?? null;
    const { signal } = this.#stop;
    const order = { change, undo, note: this.#note(state), isForGood, measureForMs: proof.maxLengthMs, signal };
    return this.#parts.act.apply(order);
  }

  #takeBack(state: PredictionState): Promise<number> {
    return this.#parts.act.undo(state.change?.undo ?? null, this.#note(state));
  }

  #note(state: PredictionState): Note {
    const { prediction, decision } = state;
    const reason = `${prediction.remedy}: ${decision?.reason ?? "being tried"}`.slice(0, MAX_REASON);
    return { predictionId: this.id, by: `insight for ${this.#planOf(state).by}`.slice(0, MAX_REASON), reason };
  }

  /** Nothing may be added to a broken ledger, and nothing may stay in force that nobody can account for. */
  async undoUnrecorded(): Promise<void> {
    const state = this.#parts.ledger.loop.predictions.get(this.id);
    if (state?.mustUndo && state.change !== undefined) await this.#takeBack(state);
  }

  #planOf(state: PredictionState): Plan {
    return this.#plan ?? planOf(state.change?.apply ?? null);
  }

  async #append(entry: LedgerEntry): Promise<void> {
    await this.#parts.ledger.append(entry);
  }

  #undoneText(): string {
    return this.#undoneMs === undefined
      ? ""
      : `; every service was back ${Math.round(this.#undoneMs)} ms after the decision`;
  }

  #tell(step: Progress["step"], text: string, settled?: Progress["settled"]): void {
    this.progress.tell({ step, text, atMs: this.#parts.clock.nowMs(), ...(settled && { settled }) });
  }
}

/** Characters of a note in the settings. */
const MAX_REASON = 1000;

function inForceText(settingsVersion: number, isForGood: boolean): string {
  const what = settingsVersion === 0 ? "done" : `every service has version ${settingsVersion} of the settings`;
  return isForGood ? `for good: ${what}` : what;
}
