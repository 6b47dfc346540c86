// Files of recorded answers to score: short questions in conversations of ten, two labels a target, four of five answered right.

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { type Random, seededRandom } from "@chimera/kernel";

const INTENTS = ["refund", "login", "billing", "bug", "feature", "cancel", "shipping", "other"];
const PRIORITIES = ["low", "normal", "high"];
const WORDS = "my order has not come and the app shows an error after the last update please help me soon thanks".split(
  " ",
);
const ANSWERED_RIGHT = 0.8;
const CONVERSATION_ITEMS = 10;
const INPUT_WORDS = 16;

export interface RecordedItem {
  id: string;
  input: string;
  target: string;
  answer: string;
  cluster: string;
}

export function* recordedItems(count: number, seed: number): Generator<RecordedItem, void, undefined> {
  const random = seededRandom(seed);
  for (let i = 0; i < count; i++) {
    const target = labels(random);
    yield {
      id: `item-${i}`,
      input: Array.from({ length: INPUT_WORDS }, () => drawn(WORDS, random)).join(" "),
      target,
      answer: random() < ANSWERED_RIGHT ? target : labels(random),
      cluster: `conversation-${Math.floor(i / CONVERSATION_ITEMS)}`,
    };
  }
}

/** Streamed: the process that measures stays small as well. */
export async function writeRecordedAnswers(file: string, count: number, signal: AbortSignal): Promise<void> {
  const out = createWriteStream(file);
  for (const item of recordedItems(count, 1)) {
    signal.throwIfAborted();
    if (!out.write(`${JSON.stringify(item)}\n`)) await once(out, "drain");
  }
  out.end();
  await finished(out);
}

function labels(random: Random): string {
  return `intent=${drawn(INTENTS, random)} priority=${drawn(PRIORITIES, random)}`;
}

function drawn(from: readonly string[], random: Random): string {
  return from[Math.floor(random() * from.length)] ?? "";
}
