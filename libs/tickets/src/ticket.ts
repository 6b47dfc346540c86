// One labelled ticket as the data files hold it, and the text form of its labels.

import type { Labels } from "./generator.ts";
import { INTENTS, type Intent, JARGON, PRIORITIES, type Priority } from "./grammar.ts";

export const SPLITS = ["train", "history", "validation", "holdout", "vault"] as const;
export type Split = (typeof SPLITS)[number];

export interface Ticket {
  id: string;
  // The ticket text; sent as it is, in one user message.
  input: string;
  // The expected answer, for example "intent=refund priority=normal".
  target: string;
  intent: Intent;
  priority: Priority;
  tenant: string;
  // Near duplicates share it; no cluster is in two splits.
  cluster: string;
  // "live" marks a one-off ticket of a workload, which is in no data file.
  split: Split | "live";
  source: "synthetic";
}

export function targetText(labels: Labels): string {
  return `intent=${labels.intent} priority=${labels.priority}`;
}

const INTENT_PATTERN = new RegExp(`\\bintent=(${INTENTS.join("|")})\\b`);
const PRIORITY_PATTERN = new RegExp(`\\bpriority=(${PRIORITIES.join("|")})\\b`);

/** The labels an answer such as "intent=refund priority=normal\n" gives; what it does not give, or misspells, is left out. */
export function parseLabels(text: string): Partial<Labels> {
  const intent = INTENTS.find((label) => label === INTENT_PATTERN.exec(text)?.[1]);
  const priority = PRIORITIES.find((label) => label === PRIORITY_PATTERN.exec(text)?.[1]);
  return { ...(intent && { intent }), ...(priority && { priority }) };
}

/** The made-up words in a text: what only the tenant's history can explain. */
export function jargonWordsIn(text: string): string[] {
  return text.split(" ").filter((word) => JARGON.includes(word));
}
