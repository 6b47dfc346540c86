// Requests with a known shape on the small model.
import { Role } from "@chimera/contracts/common";

/** One ticket, greedy: about seven tokens, "intent=… priority=…". */
export function ticket(content: string) {
  return { messages: [{ role: Role.USER, content }], sampling: { temperature: 0 } };
}

/** Runs to exactly `tokens` tokens: the stop text never comes, so only the bound ends it. */
export function longStory(seed: number, tokens = 900) {
  return { prompt: "### ticket\n", sampling: { temperature: 1, seed, maxTokens: tokens, stop: ["\u0000"] } };
}
