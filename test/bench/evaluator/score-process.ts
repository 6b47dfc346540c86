// A process of its own that scores one file of recorded answers and says what it cost: node score-process.ts FILE SCORER...

import { readRecords } from "../../../services/evaluator/src/dataset/read.ts";
import { createScorer } from "../../../services/evaluator/src/scorer/registry.ts";
import { scoreRecords } from "../../../services/evaluator/src/scorer/score-records.ts";

export interface ScoreCost {
  n: number;
  /** User and system, all threads, from the first byte read to the last interval. */
  cpuS: number;
  /** Largest resident size of the whole process. */
  peakRssMib: number;
  accuracy: number;
}

const [file = "", ...names] = process.argv.slice(2);
const before = process.cpuUsage();
const scored = await scoreRecords(readRecords(file, "jsonl"), new Map(names.map((name) => [name, createScorer(name)])));
const { user, system } = process.cpuUsage(before);
const cost: ScoreCost = {
  n: scored.n,
  cpuS: (user + system) / 1e6,
  peakRssMib: process.resourceUsage().maxRSS / 1024,
  accuracy: scored.reports.get(names[0] ?? "")?.figures[0]?.value ?? Number.NaN,
};
process.stdout.write(JSON.stringify(cost));
