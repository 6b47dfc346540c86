// For tests: items, a plan over them, and answers as the router would give them.
import type { Item } from "../dataset/item.ts";
import { PLAIN } from "../prompt/prompt.ts";
import type { Arm, RunRecord, UnitResult } from "../queue/queue.ts";
import type { Answer } from "../run/ask.ts";
import { RunPlan, type RunPlanOptions } from "../run/plan.ts";

export const LABELS = ["bug", "login", "refund"];

export function itemsOf(size: number): Item[] {
  return Array.from({ length: size }, (_, i) => {
    const target = `intent=${LABELS[i % LABELS.length]} priority=low`;
    return { id: `item-${i}`, input: `ticket ${i}`, target, tenant: "aster", hash: `${i}` };
  });
}

export function armOf(over: Partial<Arm> = {}): Arm {
  return { name: "", model: "tiny", sampling: { temperature: 0 }, votes: 1, useCache: false, ...over };
}

export function planOf(over: Partial<RunPlanOptions> = {}): RunPlan {
  return new RunPlan({
    kind: "evaluate",
    dataset: "tickets",
    split: "holdout",
    datasetHash: "content",
    items: itemsOf(30),
    arms: [{ arm: armOf(), prompt: PLAIN }],
    repeats: 1,
    classes: LABELS,
    scorers: ["classification"],
    pool: undefined,
    ...over,
  });
}

export function recordOf(plan: RunPlan, over: Partial<RunRecord> = {}): RunRecord {
  return { ...plan.intent("evaluator"), epoch: 1, state: "running", ...over };
}

export function answering(text: string, over: Partial<Answer> = {}): Answer {
  return { text, model: "tiny", modelVersion: "v1", ttftMs: 5, promptTokens: 4, completionTokens: 2, ...over };
}

export function resultOf(unit: number, over: Partial<UnitResult> = {}): UnitResult {
  return {
    unit,
    arm: 0,
    repeat: 0,
    itemId: `item-${unit}`,
    tenant: "aster",
    cluster: `item-${unit}`,
    output: "intent=bug",
    target: "bug",
    predicted: "bug",
    scores: { classification: 1 },
    status: "OK",
    message: "",
    ttftMs: 5,
    promptTokens: 4,
    completionTokens: 2,
    model: "tiny",
    modelVersion: "v1",
    replica: "evaluator",
    ...over,
  };
}
