// Scores a stream of recorded answers with several scorers at once, in flat memory: what an evaluation is, without asking anybody.
import { FailedPreconditionError } from "@chimera/kernel";
import { ContentHash } from "../dataset/content-hash.ts";
import type { DatasetRecord } from "../dataset/record.ts";
import type { ScoreReport, Scorer } from "./scorer.ts";

export interface ScoredSet {
  n: number;
  /** Of the records, in any order. */
  contentHash: string;
  reports: ReadonlyMap<string, ScoreReport>;
}

/** Throws FailedPreconditionError where a record holds no answer, or where there is no record. */
export async function scoreRecords(
  records: AsyncIterable<DatasetRecord>,
  scorers: ReadonlyMap<string, Scorer>,
): Promise<ScoredSet> {
  const content = new ContentHash();
  const all = [...scorers.values()];
  let n = 0;
  for await (const record of records) {
    const { answer, targets, cluster, probabilities } = record;
    if (answer === undefined) throw new FailedPreconditionError(`item "${record.id}" holds no answer to score`);
    content.add(record);
    for (const scorer of all) scorer.add({ targets, answer, cluster, probabilities });
    n += 1;
  }
  if (n === 0) throw new FailedPreconditionError("there is no record to score");
  return {
    n,
    contentHash: content.digest(),
    reports: new Map([...scorers].map(([name, each]) => [name, each.report()])),
  };
}
