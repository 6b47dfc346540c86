// Which data sets there are: the support tickets that ship with the mesh, and every <name>.<split>.jsonl of one folder.
import { join } from "node:path";
import { type FieldViolation, InvalidRequestError, NotFoundError } from "@chimera/kernel";
import { ticketsPath } from "@chimera/tickets";

const SPLITS = ["train", "validation", "holdout"] as const;
export type Split = (typeof SPLITS)[number];

export interface SplitName {
  dataset: string;
  split: Split;
}

// A name is part of a file name, so it can not hold a dot or a slash.
const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** Fills in the defaults, "tickets" and "holdout". Throws InvalidRequestError. */
export function splitName(dataset: string, split: string): SplitName {
  const violations: FieldViolation[] = [];
  const name = dataset || "tickets";
  const known = SPLITS.find((candidate) => candidate === (split || "holdout"));
  if (!NAME.test(name)) {
    violations.push({ field: "dataset", description: "up to 64 of a-z, 0-9, - and _, the first a letter or digit" });
  }
  if (known === undefined) violations.push({ field: "split", description: `one of ${SPLITS.join(", ")}` });
  if (violations.length > 0 || known === undefined) throw new InvalidRequestError(violations);
  return { dataset: name, split: known };
}

/** The file of a split. `directory` is where further data sets are; a file there named like a shipped one is not read. */
export function splitFile({ dataset, split }: SplitName, directory: string | undefined): string {
  if (dataset === "tickets") return ticketsPath(split);
  if (directory === undefined) {
    throw new NotFoundError(
      `there is no data set "${dataset}": only "tickets", unless EVALUATOR_DATASETS_DIR names a folder with more`,
      "dataset",
    );
  }
  return join(directory, `${dataset}.${split}.jsonl`);
}
