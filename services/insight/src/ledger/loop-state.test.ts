import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { START_MS } from "../testing/events.ts";
import { keptHistory, outcomeOf, predictionOf } from "../testing/predictions.ts";
import { LoopFold, loopState, type PredictionState } from "./loop-state.ts";
import type { Verdict } from "./prediction.ts";
import { decodeRecord, encodeRecord, GENESIS, type LedgerEntry, type LedgerRecord, seal } from "./record.ts";

const ID = "p1";
const BLOCKS = 4;

/** What lives longer than the loop: the ledger, and whether the change is in force in the mesh. */
class World {
  readonly records: LedgerRecord[] = [];
  isInForce = false;

  /** As a restarted insight reads it. */
  get state(): PredictionState | undefined {
    return loopState(this.records.map((record) => decodeRecord(encodeRecord(record)))).predictions.get(ID);
  }

  append(entry: LedgerEntry): void {
    const fold = new LoopFold();
    for (const record of this.records) fold.take(record);
    const refusal = fold.refusal(entry);
    if (refusal !== undefined) throw new Error(refusal);
    this.records.push(seal(entry, this.records.at(-1) ?? GENESIS, START_MS + this.records.length));
  }
}

interface Scenario {
  verdict: Verdict;
  /** Trips in this block; none where undefined. */
  guardrailBlock: number | undefined;
}

class Killed extends Error {}

/** A loop that knows nothing but the ledger, and dies after so many writes and changes. */
function run(world: World, scenario: Scenario, lifetime: number): void {
  let left = lifetime;
  const step = (act: () => void) => {
    if (left <= 0) throw new Killed();
    left -= 1;
    act();
    const state = world.state;
    // Whatever is in force, a successor must know that it may be.
    if (world.isInForce) expect(state?.mustUndo).toBe(true);
    expect(state === undefined || state.next !== "nothing" || state.phase === "settled").toBe(true);
  };
  const write = (entry: LedgerEntry) => step(() => world.append(entry));
  const make = (isInForce: boolean) =>
    step(() => {
      world.isInForce = isInForce;
    });
  for (;;) {
    const state = world.state;
    if (state === undefined) write({ kind: "prediction-made", prediction: predictionOf(ID) });
    else if (state.next === "nothing") return;
    else advance(state, scenario, { write, make });
  }
}

interface Hands {
  write(entry: LedgerEntry): void;
  make(isInForce: boolean): void;
}

function advance(state: PredictionState, scenario: Scenario, { write, make }: Hands): void {
  const about = { predictionId: ID };
  switch (state.next) {
    case "decide":
      write({ kind: "change-started", ...about, change: 8, undo: 4 });
      break;
    case "put in force":
      make(true);
      write({ kind: "change-applied", ...about, settingsVersion: 2 });
      break;
    case "verify":
      verify(state, scenario, { write, make });
      break;
    case "undo":
      make(false);
      write({ kind: "rolled-back", ...about, settingsVersion: 3 });
      break;
    case "settle":
      write({ kind: "outcome-settled", outcome: outcomeOf(ID, state.decision?.verdict ?? "inconclusive") });
      break;
    default:
      throw new Error(`no step for "${state.next}"`);
  }
}

function verify({ ended }: PredictionState, { verdict, guardrailBlock }: Scenario, { write, make }: Hands): void {
  const about = { predictionId: ID };
  const block = ended.length;
  const arm = block % 2 === 0 ? "on" : "off";
  if (block === BLOCKS) {
    write({ kind: "decision-made", ...about, verdict, reason: "by the rule" });
    return;
  }
  write({ kind: "block-started", ...about, block, arm });
  make(arm === "on");
  if (block === guardrailBlock) write({ kind: "guardrail-tripped", ...about, guardrail: "errors", reason: "too many" });
  else write({ kind: "block-ended", ...about, block, arm, n: 10 });
}

const scenarios = fc.record({
  verdict: fc.constantFrom<Verdict>("kept", "rolled back", "inconclusive"),
  guardrailBlock: fc.option(fc.nat(BLOCKS - 1), { nil: undefined }),
});

describe("a loop that dies", () => {
  it("is gone on with from any point, and the mesh ends as the ledger says", () => {
    fc.assert(
      fc.property(scenarios, fc.array(fc.nat(24), { maxLength: 6 }), (scenario, lifetimes) => {
        const world = new World();
        for (const lifetime of [...lifetimes, 1000]) {
          try {
            run(world, scenario, lifetime);
          } catch (error) {
            if (!(error instanceof Killed)) throw error;
          }
        }
        const expected = scenario.guardrailBlock === undefined ? scenario.verdict : "rolled back";
        expect(world.state).toMatchObject({ phase: "settled", outcome: { verdict: expected } });
        expect(world.isInForce).toBe(expected === "kept");
        expect(world.state?.mustUndo).toBe(world.isInForce);
      }),
      { seed: 20260131, numRuns: 60 },
    );
  });

  it("leaves a prefix to go on from, wherever its history is cut", () => {
    const whole = new World();
    run(whole, { verdict: "kept", guardrailBlock: undefined }, 1000);
    for (let kept = 0; kept <= whole.records.length; kept += 1) {
      for (const isInForce of [false, true]) {
        const world = new World();
        world.records.push(...whole.records.slice(0, kept));
        // The change may have been made or not where the ledger says that it may be; once confirmed for good, it is.
        const { mustUndo = false, next } = world.state ?? {};
        world.isInForce = mustUndo && (isInForce || next === "settle");
        const isOver = world.state?.phase === "settled";
        run(world, { verdict: "inconclusive", guardrailBlock: undefined }, 1000);
        expect(world.state?.phase).toBe("settled");
        if (!isOver) expect(world.isInForce).toBe(world.state?.outcome?.verdict === "kept");
      }
    }
  });
});

describe("what may come next", () => {
  const worldAfter = (entries: readonly LedgerEntry[]) => {
    const world = new World();
    for (const entry of entries) world.append(entry);
    return world;
  };
  const history = keptHistory(ID);

  it("is one order: no record of a history can be left out or come twice, but confirmations", () => {
    for (const [at, entry] of history.entries()) {
      const rest = history.slice(at + 1);
      if (rest.length > 0) expect(() => worldAfter([...history.slice(0, at), ...rest])).toThrow();
      if (entry.kind === "change-applied" || entry.kind === "block-started") continue;
      expect(() => worldAfter([...history.slice(0, at + 1), entry])).toThrow();
    }
  });

  it("keeps nothing that was not verified", () => {
    const kept: LedgerEntry = { kind: "decision-made", predictionId: ID, verdict: "kept", reason: "" };
    expect(() => worldAfter([...history.slice(0, 4), kept])).toThrow("not verified");
    expect(() => worldAfter([...history.slice(0, 1), kept])).toThrow();
    expect(() =>
      worldAfter([...history.slice(0, 9), { kind: "outcome-settled", outcome: outcomeOf(ID, "rolled back") }]),
    ).toThrow('"kept" was decided');
  });

  it("lets people approve, refuse, pause, and undo what was kept long ago", () => {
    const by = { kind: "human-action", who: "ada", reason: "maintenance" } as const;
    const [made, started] = history;
    if (made === undefined || started === undefined) throw new Error("the history has a beginning");
    expect(worldAfter([made, { ...by, action: "approve", predictionId: ID }]).state?.approvedBy).toBe("ada");
    expect(() => worldAfter([made, { ...by, action: "pause" }, started])).toThrow("paused by ada");
    expect(worldAfter([made, { ...by, action: "pause" }, { ...by, action: "go on" }, started]).state?.phase).toBe(
      "applied",
    );
    const refused = worldAfter([made, { ...by, action: "reject", predictionId: ID }]);
    expect(refused.state).toMatchObject({ next: "settle", mustUndo: false });
    const world = worldAfter([...history, { ...by, action: "roll back", predictionId: ID }]);
    expect(world.state).toMatchObject({ phase: "rolling back", next: "undo", outcome: { verdict: "kept" } });
    world.append({ kind: "rolled-back", predictionId: ID, settingsVersion: 6 });
    expect(world.state).toMatchObject({ phase: "settled", next: "nothing", mustUndo: false });
  });

  it("measures a companion with the change it goes with, promised before the change", () => {
    const made = history.slice(0, 1);
    const companion: LedgerEntry = {
      kind: "prediction-made",
      prediction: predictionOf("p2", { metric: "hit_ratio" }),
      companionOf: ID,
    };
    const world = worldAfter([...made, companion, ...history.slice(1)]);
    const second = () => loopState(world.records).predictions.get("p2");
    expect(second()).toMatchObject({ next: "settle" });
    world.append({ kind: "outcome-settled", outcome: outcomeOf("p2", "kept") });
    expect(second()).toMatchObject({ phase: "settled", next: "nothing" });
    expect(() => worldAfter([...history.slice(0, 2), companion])).toThrow("has begun");
  });
});
