// What a run tells, as messages of the contract.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type EvaluateProgress,
  EvaluateProgressSchema,
  type EvaluateResult,
  EvaluateResultSchema,
  type ItemResult,
  ItemResultSchema,
} from "@chimera/contracts/evaluator";
import type { UnitResult } from "../queue/queue.ts";
import type { RunProgress } from "../run/coordinator.ts";
import type { Figures } from "../run/figures.ts";

export function toProgress(progress: RunProgress, runId: string): EvaluateProgress {
  return create(EvaluateProgressSchema, { ...progress, runId });
}

export function toItem(result: UnitResult): ItemResult {
  const {
    unit: _,
    arm: _arm,
    tenant: _tenant,
    message: _message,
    model: _model,
    modelVersion: _version,
    ...item
  } = result;
  return create(ItemResultSchema, item);
}

type About = Required<
  Pick<MessageInitShape<typeof EvaluateResultSchema>, "dataset" | "split" | "datasetHash" | "runId" | "wallMs">
>;

/** What has no value for this data set is left out. */
export function toResult(figures: Figures, about: About): EvaluateResult {
  const { failures, classes, confusion, ...rest } = figures;
  const known = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return create(EvaluateResultSchema, {
    ...known,
    ...about,
    failures: [...failures],
    classes: [...classes],
    confusion: [...confusion],
  });
}
