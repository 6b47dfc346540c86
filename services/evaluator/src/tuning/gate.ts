// What a tuning run found, brought before the guard: small changes and other seeds on fresh items, then one look at the holdout, taken
// down before anything of its answer is used.
import type { Random } from "@chimera/kernel";
import type { SplitName } from "../dataset/catalogue.ts";
import type { Item } from "../dataset/item.ts";
import {
  type Compared,
  type Evidence,
  flatHoldoutSign,
  fragileOptimumSign,
  type HoldoutMeter,
  type HoldoutScores,
  type Identified,
  type Judgement,
  judgeProposal,
  leakSign,
  nearDuplicates,
  type Sign,
  splitGapSign,
} from "../guard/index.ts";
import type { PromptPlan } from "../prompt/prompt.ts";
import type { ShotPool } from "../prompt/shots.ts";
import type { Row } from "../run/outcome.ts";
import { clusterOf } from "../run/plan.ts";
import type { ScoringPlan } from "../run/scoring.ts";
import { meanScore } from "./estimates.ts";
import { type GuardBook, type GuardedRun, type GuardPage, meterOf } from "./guard-book.ts";
import { scoreOf } from "./player.ts";

export interface Holdout {
  name: SplitName;
  items: readonly Item[];
  /** Content hash, to which the budget of looks belongs. */
  hash: string;
}

export interface GateOptions {
  book: GuardBook;
  holdout: Holdout;
  looks: number;
  scoring: ScoringPlan;
  random: Random;
}

export interface Case {
  shots: readonly Identified[];
  /** Everything the proposal was chosen or is judged by. */
  items: readonly Identified[];
  smallChanges: readonly Compared[];
  gainsBySeed: readonly number[];
  /** The proposal's scores on fresh validation items. */
  fresh: readonly number[];
}

export interface Sides {
  baseline: readonly Row[];
  candidate: readonly Row[];
}

export interface Verdict {
  judgement: Judgement;
  /** Undefined where the holdout was not asked. */
  sides: Sides | undefined;
}

const NOTHING: HoldoutScores = { baseline: [], candidate: [] };
/** Runs over which validation is held against the holdout. */
const RUNS_BEFORE_FLAT = 3;
/** Slices that are looked at, the largest. */
const MAX_SLICES = 40;

/** `ask` plays the holdout with baseline and proposal; it is not called where the answer would change nothing. */
export async function bringToGuard(
  options: GateOptions,
  found: Case,
  ask: (items: readonly Item[]) => Promise<Sides>,
): Promise<Verdict> {
  const { book, holdout } = options;
  const meter = meterOf(await book.read(holdout.name.dataset), options);
  const sides = meter.looks >= meter.budget || isRefusedAnyway(found) ? undefined : await ask(holdout.items);
  const judgement = await book.change(holdout.name.dataset, (page) => {
    const judging = meterOf(page, options);
    const judged = judgeProposal(evidenceOf(options, { found, sides, meter: judging }));
    return {
      page: { ...page, ...afterwards(options, { page, judged, found, sides }), meter: judging.toJSON() },
      result: judged,
    };
  });
  return { judgement, sides };
}

/** The examples that stand before any of the items, each once. */
export function shownShots(
  pool: ShotPool,
  items: readonly Item[],
  { shots: count, selection }: PromptPlan,
): Identified[] {
  const texts = new Set(items.flatMap((item) => pool.choose(item, { count, selection }).map(({ input }) => input)));
  return [...texts].map((text) => ({ id: `shot: ${text}`, text }));
}

export const identified = (items: readonly Item[]): Identified[] => items.map(({ id, input }) => ({ id, text: input }));

function isRefusedAnyway({ shots, items, smallChanges }: Case): boolean {
  const leak = leakSign(nearDuplicates(shots, items), items.length);
  return leak.state === "alarm" || fragileOptimumSign(smallChanges).state === "alarm";
}

interface Judging {
  found: Case;
  sides: Sides | undefined;
  meter: HoldoutMeter;
}

function evidenceOf({ holdout, scoring }: GateOptions, { found, sides, meter }: Judging): Evidence {
  const { shots, items, smallChanges, gainsBySeed } = found;
  const scores = sides && scoresOf(sides, { holdout, scoring });
  return {
    ...{ meter, shots, items, smallChanges, gainsBySeed },
    holdout: scores ?? NOTHING,
    slices: scores === undefined ? [] : slicesOf(scores, holdout.items),
  };
}

function scoresOf({ baseline, candidate }: Sides, { holdout, scoring }: Pick<GateOptions, "holdout" | "scoring">) {
  const of = (rows: readonly Row[]) => rows.map((row) => scoreOf(row, scoring));
  const tokensOf = (rows: readonly Row[]) => rows.map(({ completionTokens }) => completionTokens);
  return {
    baseline: of(baseline),
    candidate: of(candidate),
    clusters: holdout.items.map(clusterOf),
    tokens: { baseline: tokensOf(baseline), candidate: tokensOf(candidate) },
  };
}

/** By tenant and by target: an average hides who pays for it. */
function slicesOf({ baseline, candidate }: HoldoutScores, items: readonly Item[]): Compared[] {
  const places = items.flatMap(({ tenant, target }, at) => [
    { slice: `tenant ${tenant}`, at },
    { slice: `target ${target}`, at },
  ]);
  const slices = [...Map.groupBy(places, ({ slice }) => slice)].sort(([, a], [, b]) => b.length - a.length);
  return slices.slice(0, MAX_SLICES).map(([name, members]) => ({
    name,
    baseline: members.map(({ at }) => baseline[at] ?? 0),
    candidate: members.map(({ at }) => candidate[at] ?? 0),
  }));
}

interface Judged extends Omit<Judging, "meter"> {
  page: GuardPage;
  judged: Judgement;
}

function afterwards(options: GateOptions, { page, judged, found, sides }: Judged): Pick<GuardPage, "signs" | "runs"> {
  if (sides === undefined || judged.gain === undefined)
    return { signs: merged(page.signs, judged.signs), runs: page.runs };
  const { candidate } = scoresOf(sides, options);
  const holdout = meanScore(candidate);
  const standardError = Math.sqrt((holdout * (1 - holdout)) / Math.max(1, candidate.length));
  const runs = [...page.runs, { validation: meanScore(found.fresh), holdout, standardError }];
  const signs = [...judged.signs, gapSign(page.runs, found.fresh, candidate), flatSign(runs)];
  return { signs: merged(page.signs, signs), runs };
}

function gapSign(earlier: readonly GuardedRun[], left: readonly number[], right: readonly number[]): Sign {
  const gaps = earlier.map(({ validation, holdout }) => validation - holdout);
  return splitGapSign({ sides: "validation - holdout", left, right, earlier: gaps });
}

export function flatSign(runs: readonly GuardedRun[]): Sign {
  const best = runs.map((_, at) => Math.max(...runs.slice(0, at + 1).map(({ validation }) => validation)));
  return flatHoldoutSign({
    bestValidation: best,
    holdout: runs.map(({ holdout }) => holdout),
    standardError: runs.at(-1)?.standardError ?? 0,
    trials: RUNS_BEFORE_FLAT,
  });
}

/** What a run could not say keeps what an earlier one said. */
function merged(before: readonly Sign[], now: readonly Sign[]): Sign[] {
  const said = new Set(now.flatMap(({ name, state }) => (state === "unknown" ? [] : [kindOf(name)])));
  return [...now.filter(({ state }) => state !== "unknown"), ...before.filter(({ name }) => !said.has(kindOf(name)))];
}

/** "worst slice: tenant aster" and "worst slice" are one sign. */
export function kindOf(name: string): string {
  return name.split(":")[0] ?? name;
}
