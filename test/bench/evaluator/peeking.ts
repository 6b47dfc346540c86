// Whoever looks often finds something: false alarms and power of the rules that may be looked at, 50 looks over 5,000 pairs.
import { type Random, seededRandom, wilsonInterval } from "@chimera/kernel";
import { ConfidenceSequence, Msprt, RunningMean, spendingBoundaries } from "@chimera/statistics";
import type { BenchContext } from "../benchmark.ts";
import type { BenchResult } from "../result.ts";

const PAIRS = 5000;
const LOOK_EVERY = 100;
const LOOKS = PAIRS / LOOK_EVERY;
const BASE = 0.92;
const GAIN = 0.02;
const RUNS = { quick: 1000, full: 4000 };
const SEED = 9;

/** Rules by the end of their id; the confidence sequence, which guards use, has none. */
type Rule = "" | "_msprt" | "_group_sequential" | "_naive";
const RULES: Readonly<Record<Rule, string>> = {
  "": "asymptotic confidence sequence, alpha 0.05, tuned to n = 1,000",
  _msprt: "normal mSPRT, effects of SD 0.01",
  _group_sequential: "group-sequential, O'Brien-Fleming-like spending over 50 looks",
  _naive: "z-test at every look, for comparison",
};

export function peekingResults({ quick, signal, progress }: BenchContext): BenchResult[] {
  const runs = quick ? RUNS.quick : RUNS.full;
  const boundaries = spendingBoundaries(Array.from({ length: LOOKS }, (_, look) => (look + 1) / LOOKS));
  const count = (gain: number, random: Random) => {
    const found = new Map<Rule, number>();
    for (let run = 0; run < runs; run++) {
      signal.throwIfAborted();
      for (const rule of playOne(gain, random, boundaries)) found.set(rule, (found.get(rule) ?? 0) + 1);
    }
    return found;
  };
  const [none, gain] = [count(0, seededRandom(SEED)), count(GAIN, seededRandom(SEED + 1))];
  progress(`false alarms ${JSON.stringify([...none])}, found ${JSON.stringify([...gain])} of ${runs}`);
  return (Object.keys(RULES) as Rule[]).flatMap((rule) => {
    const result = (name: string, positives: number, truth: string): BenchResult => ({
      id: `evaluator.peeking_${name}${rule}`,
      value: positives / runs,
      unit: "share",
      n: runs,
      interval: wilsonInterval(positives, runs),
      method: `Runs in which any of ${LOOKS} looks over ${PAIRS} pairs said there is a difference, ${truth}: base rate ${BASE}, arms independent, simulated, seed ${SEED}. Rule: ${RULES[rule]}. Wilson interval.`,
    });
    return [
      result("false_alarm", none.get(rule) ?? 0, "where there is none"),
      result("power_2pp", gain.get(rule) ?? 0, `where it is ${100 * GAIN} points`),
    ];
  });
}

/** The rules that found something in one run. */
function playOne(gain: number, random: Random, boundaries: readonly number[]): Set<Rule> {
  const [sequence, msprt, values] = [new ConfidenceSequence(), new Msprt(), new RunningMean()];
  const found = new Set<Rule>();
  for (let look = 0; look < LOOKS; look++) {
    for (let pair = 0; pair < LOOK_EVERY; pair++) {
      const difference = (random() < BASE + gain ? 1 : 0) - (random() < BASE ? 1 : 0);
      sequence.add(difference);
      msprt.add(difference);
      values.add(difference);
    }
    const { low, high } = sequence.interval();
    const z = Math.abs(values.mean / values.standardError);
    if (low > 0 || high < 0) found.add("");
    if (msprt.look().rejected) found.add("_msprt");
    if (z > (boundaries[look] ?? Number.POSITIVE_INFINITY)) found.add("_group_sequential");
    if (z > 1.959964) found.add("_naive");
  }
  return found;
}
