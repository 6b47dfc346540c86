// What the leaving clients had asked: something that takes the engine long enough to be left.
import { type Random, seededRandom } from "@chimera/kernel";
import { loadTickets } from "@chimera/tickets";
import type { Question } from "./doors.ts";
import type { Moment } from "./trial.ts";

const SEED = 1;
/** About 800 of the 1024 tokens of the context: tens of milliseconds of prefill. */
const LONG_PROMPT_CHARACTERS = 3000;
const LONG_ANSWER_TOKENS = 900;

/** A different one each time, so that no slot holds the state of the prompt already. */
export async function questionsFor(moment: Moment): Promise<() => Question> {
  const random = seededRandom(SEED);
  const texts = (await loadTickets("train")).map(({ input }) => input);
  if (moment === "mid") return () => ({ content: pick(random, texts), maxTokens: LONG_ANSWER_TOKENS });
  return () => ({ content: longText(random, texts), maxTokens: 32 });
}

function longText(random: Random, texts: readonly string[]): string {
  let text = pick(random, texts);
  while (text.length < LONG_PROMPT_CHARACTERS) text += ` ${pick(random, texts)}`;
  return text.slice(0, LONG_PROMPT_CHARACTERS);
}

function pick(random: Random, texts: readonly string[]): string {
  return texts[Math.floor(random() * texts.length)] ?? "";
}
