// On which side of a data set a cluster is: decided by the hash of its name alone, so nothing that is added later moves it.
import { hash } from "node:crypto";
import { assert } from "@chimera/kernel";
import { clustersOf, clustersOfInTurns } from "./near-duplicates.ts";
import { type DatasetRecord, SPLIT_LABELS, type SplitLabel } from "./record.ts";

export type SplitRatio = Readonly<Record<SplitLabel, number>>;

/** Examples to show come from train, the search looks at validation, gates at holdout; the vault is opened per release. */
export const DEFAULT_RATIO: SplitRatio = { train: 0.4, validation: 0.2, holdout: 0.2, vault: 0.2 };

export interface SplitOptions {
  ratio?: SplitRatio;
  /** Another salt is another split. */
  salt?: string;
}

const HEX_DIGITS = 12;

/** First 48 bits of SHA-256(salt, cluster) as a share of 2^48, held against the sums of the ratio. */
export function splitOf(cluster: string, { ratio = DEFAULT_RATIO, salt = "" }: SplitOptions = {}): SplitLabel {
  const whole = SPLIT_LABELS.reduce((sum, label) => sum + ratio[label], 0);
  assert(Math.abs(whole - 1) < 1e-9, `the shares of a split add up to 1, got ${whole}`);
  const place =
    Number.parseInt(hash("sha256", `${salt}\n${cluster}`, "hex").slice(0, HEX_DIGITS), 16) / 16 ** HEX_DIGITS;
  let edge = 0;
  for (const label of SPLIT_LABELS) {
    edge += ratio[label];
    if (place < edge) return label;
  }
  return "vault";
}

/**
 * The records with their cluster and split. Near-duplicates are of one cluster (rule in near-duplicates.ts); a record that
 * names a split already keeps it.
 */
export function assignSplits(records: readonly DatasetRecord[], options: SplitOptions = {}): DatasetRecord[] {
  return placed(records, clustersOf(records), options);
}

/** The same, for records so many that the other streams of the process must go on meanwhile. */
export async function assignSplitsInTurns(records: readonly DatasetRecord[]): Promise<DatasetRecord[]> {
  return placed(records, await clustersOfInTurns(records), {});
}

function placed(
  records: readonly DatasetRecord[],
  clusters: readonly string[],
  options: SplitOptions,
): DatasetRecord[] {
  return records.map((record, i) => {
    const cluster = clusters[i] ?? record.cluster ?? record.id;
    return { ...record, cluster, split: record.split ?? splitOf(cluster, options) };
  });
}
