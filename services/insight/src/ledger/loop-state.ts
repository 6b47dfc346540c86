// Where the loop stands with every prediction, from the records alone: what a restarted insight goes on from. The same rules
// decide which record may come next, so a history that can not be gone on from can not be written.
import type { Outcome, Prediction, Verdict } from "./prediction.ts";
import type { Json, LedgerEntry, LedgerRecord } from "./record.ts";

export type Phase = "proposed" | "applied" | "verifying" | "rolling back" | "settled";

/**
 * What the loop has to do next, whether it was doing so already or not; each step can be done twice without harm.
 * "wait": a companion waits for the prediction that carries the change.
 */
export type Step = "decide" | "put in force" | "verify" | "undo" | "settle" | "wait" | "nothing";

export interface Block {
  readonly block: number;
  readonly arm: string;
  readonly startedAtMs: number;
}

export interface EndedBlock extends Block {
  readonly endedAtMs: number;
  readonly n: number;
}

export interface PredictionState {
  readonly prediction: Prediction;
  readonly companionOf: string | undefined;
  readonly phase: Phase;
  readonly next: Step;
  /** Who approved it, where somebody did. */
  readonly approvedBy: string | undefined;
  /** Set once the change may be in force. */
  readonly change: { readonly apply: Json; readonly undo: Json } | undefined;
  /** The change may be in force: whoever gives it up has to undo it. */
  readonly mustUndo: boolean;
  /** Of the latest confirmation by all services. */
  readonly settingsVersion: number | undefined;
  readonly ended: readonly EndedBlock[];
  /** Started and not ended; after a restart it is started again. */
  readonly open: Block | undefined;
  readonly decision: { readonly verdict: Verdict; readonly reason: string } | undefined;
  readonly outcome: Outcome | undefined;
}

export interface LoopState {
  readonly predictions: ReadonlyMap<string, PredictionState>;
  /** Somebody asked that nothing be changed for now, and who. */
  readonly pausedBy: string | undefined;
}

/** Not yet settled at a time. */
const MAX_OPEN = 64;
/** Settled ones kept in memory; the oldest is let go, the ledger keeps it. */
const MAX_SETTLED = 2000;
const MAX_BLOCKS = 1000;

export class LoopFold implements LoopState {
  readonly #predictions = new Map<string, PredictionState>();
  #pausedBy: string | undefined;
  #settled = 0;

  get predictions(): ReadonlyMap<string, PredictionState> {
    return this.#predictions;
  }

  get pausedBy(): string | undefined {
    return this.#pausedBy;
  }

  /** Why the entry can not be the next one; undefined where it can. */
  refusal(entry: LedgerEntry): string | undefined {
    if (entry.kind === "prediction-made") return this.#refusalOfPrediction(entry);
    if (entry.kind === "human-action" && isForAll(entry)) return undefined;
    const id = predictionIdOf(entry);
    const state = id === undefined ? undefined : this.#predictions.get(id);
    if (state === undefined) return `there is no prediction ${id ?? ""} in the ledger`;
    if (entry.kind === "change-started" && this.#pausedBy !== undefined) {
      return `the loop was paused by ${this.#pausedBy}`;
    }
    const refused = refusalOf(state, entry);
    return refused === undefined ? undefined : `prediction ${id}: ${refused}`;
  }

  /** Expects a record that was not refused. */
  take({ entry, atMs }: LedgerRecord): void {
    if (entry.kind === "prediction-made") {
      this.#predictions.set(entry.prediction.id, proposed(entry.prediction, entry.companionOf));
      return;
    }
    if (entry.kind === "human-action" && isForAll(entry)) {
      this.#pausedBy = entry.action === "pause" ? entry.who : undefined;
      return;
    }
    const id = predictionIdOf(entry);
    const state = id === undefined ? undefined : this.#predictions.get(id);
    if (id === undefined || state === undefined) return;
    this.#predictions.set(id, after(state, entry, atMs));
    if (entry.kind === "outcome-settled") this.#settle(id);
  }

  #refusalOfPrediction(entry: LedgerEntry & { kind: "prediction-made" }): string | undefined {
    const { id } = entry.prediction;
    if (this.#predictions.has(id)) return `prediction ${id} is in the ledger already`;
    if (this.#predictions.size - this.#settled >= MAX_OPEN) return `${MAX_OPEN} predictions are not settled yet`;
    if (entry.companionOf === undefined) return undefined;
    const carrier = this.#predictions.get(entry.companionOf);
    if (carrier === undefined || carrier.companionOf !== undefined)
      return `no prediction ${entry.companionOf} to go with`;
    // A promise made after the change has begun would be no promise.
    return carrier.change === undefined && carrier.next === "decide"
      ? undefined
      : `the change of ${carrier.prediction.id} has begun`;
  }

  #settle(id: string): void {
    this.#settled += 1;
    for (const [companionId, companion] of this.#predictions) {
      if (companion.companionOf === id) this.#predictions.set(companionId, { ...companion, next: "settle" });
    }
    if (this.#settled <= MAX_SETTLED) return;
    for (const [oldId, old] of this.#predictions) {
      if (old.phase !== "settled") continue;
      this.#predictions.delete(oldId);
      this.#settled -= 1;
      return;
    }
  }
}

/** The state after the records; they must be in order and none refused, as `verifyChain` checks. */
export function loopState(records: Iterable<LedgerRecord>): LoopState {
  const fold = new LoopFold();
  for (const record of records) fold.take(record);
  return fold;
}

export function predictionIdOf(entry: LedgerEntry): string | undefined {
  if (entry.kind === "prediction-made") return entry.prediction.id;
  if (entry.kind === "outcome-settled") return entry.outcome.predictionId;
  return entry.predictionId;
}

function isForAll(entry: LedgerEntry & { kind: "human-action" }): boolean {
  return entry.action === "pause" || entry.action === "go on";
}

function proposed(prediction: Prediction, companionOf: string | undefined): PredictionState {
  return {
    ...{ prediction, companionOf },
    phase: "proposed",
    next: companionOf === undefined ? "decide" : "wait",
    approvedBy: undefined,
    change: undefined,
    mustUndo: false,
    settingsVersion: undefined,
    ended: [],
    open: undefined,
    decision: undefined,
    outcome: undefined,
  };
}

type LaterEntry = Exclude<LedgerEntry, { kind: "prediction-made" }>;

function refusalOf(state: PredictionState, entry: LaterEntry): string | undefined {
  const { phase, next, decision, open } = state;
  const only = (isFine: boolean, otherwise: string) => (isFine ? undefined : otherwise);
  const isUnderWay = phase === "applied" || phase === "verifying";
  switch (entry.kind) {
    case "change-started":
      return only(next === "decide", `its change can not begin, it is ${phase}`);
    case "change-applied":
      return only(next === "put in force" || isUnderWay, "no change was begun that could be in force");
    case "block-started":
      return refusalOfBlock(state, entry.block);
    case "block-ended":
      return only(open?.block === entry.block && open.arm === entry.arm, `block ${entry.block} was not started`);
    case "guardrail-tripped":
      return only(isUnderWay, `nothing is being verified, it is ${phase}`);
    case "decision-made":
      if (entry.verdict === "kept" && (next !== "verify" || open !== undefined))
        return "what was not verified is not kept";
      if (phase === "proposed" && entry.verdict !== "inconclusive") return "it was never applied";
      return only((isUnderWay && decision === undefined) || next === "decide", "it was decided already");
    case "rolled-back":
      return only(next === "undo", "nothing is to be undone");
    case "outcome-settled":
      if (next !== "settle") return `it can not be settled yet: next is "${next}"`;
      return only(
        decision === undefined || decision.verdict === entry.outcome.verdict,
        `"${decision?.verdict}" was decided, not "${entry.outcome.verdict}"`,
      );
    case "human-action":
      return refusalOfAction(state, entry.action);
  }
}

function refusalOfBlock({ next, ended, open }: PredictionState, block: number): string | undefined {
  if (next !== "verify") return `there is nothing to verify: next is "${next}"`;
  if (ended.length >= MAX_BLOCKS) return `${MAX_BLOCKS} blocks are enough`;
  const due = ended.length;
  return block === due ? undefined : `block ${due} is due, not ${block}${open === undefined ? "" : " (it is open)"}`;
}

function refusalOfAction({ phase, next, mustUndo }: PredictionState, action: string): string | undefined {
  if (action === "approve" || action === "reject") {
    return next === "decide" ? undefined : `there is nothing to ${action}, it is ${phase}`;
  }
  return mustUndo && phase !== "rolling back" ? undefined : "nothing of it is in force";
}

function after(state: PredictionState, entry: LaterEntry, atMs: number): PredictionState {
  switch (entry.kind) {
    case "change-started":
      return {
        ...state,
        phase: "applied",
        next: "put in force",
        change: { apply: entry.change, undo: entry.undo },
        mustUndo: true,
      };
    case "change-applied": {
      const next = state.decision === undefined ? "verify" : "settle";
      return { ...state, next, settingsVersion: entry.settingsVersion };
    }
    case "block-started":
      return { ...state, phase: "verifying", open: { block: entry.block, arm: entry.arm, startedAtMs: atMs } };
    case "block-ended":
      return {
        ...state,
        open: undefined,
        ended: [...state.ended, { ...openBlock(state, atMs), endedAtMs: atMs, n: entry.n }],
      };
    case "guardrail-tripped":
      return givenUp(state, { verdict: "rolled back", reason: `${entry.guardrail}: ${entry.reason}` });
    case "decision-made": {
      const decision = { verdict: entry.verdict, reason: entry.reason };
      return entry.verdict === "kept" ? { ...state, decision, next: "put in force" } : givenUp(state, decision);
    }
    case "rolled-back": {
      const undone = { ...state, mustUndo: false, settingsVersion: entry.settingsVersion };
      return state.outcome === undefined
        ? { ...undone, next: "settle" }
        : { ...undone, phase: "settled", next: "nothing" };
    }
    case "outcome-settled":
      // The blocks are in the ledger for whoever wants them; memory keeps the result.
      return { ...state, phase: "settled", next: "nothing", outcome: entry.outcome, ended: [] };
    case "human-action":
      return afterAction(state, entry);
  }
}

function openBlock({ open }: PredictionState, atMs: number): Block {
  return open ?? { block: 0, arm: "", startedAtMs: atMs };
}

/** Undone where it may be in force, else settled as it is. */
function givenUp(state: PredictionState, decision: { verdict: Verdict; reason: string }): PredictionState {
  return state.mustUndo
    ? { ...state, decision, phase: "rolling back", next: "undo", open: undefined }
    : { ...state, decision, next: "settle" };
}

function afterAction(
  state: PredictionState,
  { action, who, reason }: LedgerEntry & { kind: "human-action" },
): PredictionState {
  if (action === "approve") return { ...state, approvedBy: who };
  if (action === "reject")
    return { ...state, next: "settle", decision: { verdict: "inconclusive", reason: `${who}: ${reason}` } };
  // What was settled as kept stays so in the record; it is undone all the same.
  if (state.outcome !== undefined) return { ...state, phase: "rolling back", next: "undo" };
  return givenUp(state, { verdict: "rolled back", reason: `${who}: ${reason}` });
}
