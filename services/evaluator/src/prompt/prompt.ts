// Prompt settings of a request, checked, and what they make of an item: the messages a client would send.
import type { PromptSettings } from "@chimera/contracts/evaluator";
import { type FieldViolation, InvalidRequestError } from "@chimera/kernel";
import type { Item } from "../dataset/item.ts";
import { SELECTIONS, type Selection, type ShotPool } from "./shots.ts";
import { TEMPLATES } from "./templates.ts";

export interface PromptPlan {
  template: string;
  shots: number;
  selection: Selection;
  /** Answers drawn per item. */
  votes: number;
}

export interface PromptMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

const MAX_SHOTS = 16;
const MAX_VOTES = 9;
export const PLAIN: PromptPlan = { template: "plain", shots: 0, selection: "similar", votes: 1 };

/** Fills in the defaults. `field` is where the settings stand in the request. Throws InvalidRequestError. */
export function promptPlan(settings: PromptSettings | undefined, field: string): PromptPlan {
  if (settings === undefined) return PLAIN;
  const violations: FieldViolation[] = [];
  const template = settings.template || PLAIN.template;
  const selection = SELECTIONS.find((name) => name === (settings.shotSelection || PLAIN.selection));
  if (!TEMPLATES.has(template)) {
    violations.push({ field: `${field}.template`, description: `one of ${[...TEMPLATES.keys()].join(", ")}` });
  }
  if (settings.shots > MAX_SHOTS) violations.push({ field: `${field}.shots`, description: `at most ${MAX_SHOTS}` });
  if (settings.votes > MAX_VOTES) violations.push({ field: `${field}.votes`, description: `at most ${MAX_VOTES}` });
  if (selection === undefined) {
    violations.push({ field: `${field}.shot_selection`, description: `one of ${SELECTIONS.join(", ")}` });
  }
  if (violations.length > 0 || selection === undefined) throw new InvalidRequestError(violations);
  return { template, shots: settings.shots, selection, votes: settings.votes || 1 };
}

/** Whether the examples of the data set are needed at all. */
export function needsPool({ template, shots }: PromptPlan): boolean {
  return shots > 0 || template === "labels";
}

/** `pool` may be left out where needsPool() says no. */
export function messagesFor(item: Item, plan: PromptPlan, pool: ShotPool | undefined): PromptMessage[] {
  const system = TEMPLATES.get(plan.template)?.({ targets: pool?.targets ?? [] });
  const shots = pool?.choose(item, { count: plan.shots, selection: plan.selection }) ?? [];
  return [
    ...(system === undefined ? [] : [{ role: "system" as const, content: system }]),
    ...shots.flatMap(({ input, target }): PromptMessage[] => [
      { role: "user", content: input },
      { role: "assistant", content: target },
    ]),
    { role: "user", content: item.input },
  ];
}
