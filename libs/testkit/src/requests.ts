// Requests with a known shape on the small model.
import { CachePolicy, Role } from "@chimera/contracts/common";

/** One ticket, greedy: about seven tokens, "intent=… priority=…". */
export function ticket(content: string) {
  return { messages: [{ role: Role.USER, content }], sampling: { temperature: 0 } };
}

/**
 * Runs to exactly `tokens` tokens, made anew each time: greedy from here the model never ends by itself, the stop text never
 * comes, and the cache is not asked.
 */
export function longStory(tokens = 900) {
  const sampling = { temperature: 0, maxTokens: tokens, stop: ["\u0000"] };
  return { prompt: "### ticket\n", sampling, cachePolicy: CachePolicy.BYPASS };
}
