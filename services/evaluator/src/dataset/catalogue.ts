// How data sets and their splits are named, and which file of a folder a name means.
import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { FailedPreconditionError, type FieldViolation, InvalidRequestError, NotFoundError } from "@chimera/kernel";

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

const EXTENSIONS = new Set([".jsonl", ".csv", ".yaml", ".yml", ".json"]);
/** Names that are told where one is not found. */
const MAX_LISTED = 20;

export interface DatasetFile {
  path: string;
  /** Whether the file is one split, <name>.<split>.jsonl; a file <name>.<extension> holds all of them. */
  isSplit: boolean;
}

/** Throws NotFoundError, or FailedPreconditionError where several files have the name. */
export async function datasetFile({ dataset, split }: SplitName, directory: string | undefined): Promise<DatasetFile> {
  if (directory === undefined) {
    throw new NotFoundError(
      `there is no data set "${dataset}": only "tickets", unless EVALUATOR_DATASETS_DIR names a folder with more`,
      "dataset",
    );
  }
  const files = await readdir(directory).catch((): string[] => []);
  if (files.includes(`${dataset}.${split}.jsonl`)) {
    return { path: join(directory, `${dataset}.${split}.jsonl`), isSplit: true };
  }
  const named = files.filter((file) => EXTENSIONS.has(extname(file)) && file.startsWith(`${dataset}.`));
  const whole = named.filter((file) => file === `${dataset}${extname(file)}`);
  if (whole.length > 1) {
    throw new FailedPreconditionError(`several files are the data set "${dataset}": ${whole.sort().join(", ")}`);
  }
  const [file] = whole;
  if (file !== undefined) return { path: join(directory, file), isSplit: false };
  const known = namesOf(files);
  const splits = named.length === 0 ? "" : `; of it there are ${named.sort().slice(0, MAX_LISTED).join(", ")}`;
  throw new NotFoundError(
    `there is no data set "${dataset}" with a ${split} split in ${directory}${splits}; known are ${known.join(", ")}`,
    "dataset",
  );
}

function namesOf(files: readonly string[]): string[] {
  const names = files.filter((file) => EXTENSIONS.has(extname(file))).map((file) => file.split(".")[0] ?? "");
  return ["tickets", ...new Set(names.filter((name) => NAME.test(name)).sort())].slice(0, MAX_LISTED);
}
