// The support-ticket task: labelled tickets of sixteen tenants, and live traffic made from them.
export { jargonOf, LABEL_NOISE, TENANTS } from "./data-sets.ts";
export {
  type EpisodePlan,
  episodes,
  PROMPT_FORMS,
  type PromptForm,
  type Role,
  type Segment,
  SYSTEM_LINE,
} from "./episodes.ts";
export type { Labels } from "./generator.ts";
export { INTENTS, type Intent, JARGON, PRIORITIES, type Priority } from "./grammar.ts";
export { loadTickets, ticketsPath } from "./load.ts";
export { type Novelty, noveltyOf } from "./novelty.ts";
export { mostSimilar, type WordWeights, wordWeights } from "./similar.ts";
export { jargonWordsIn, parseLabels, SPLITS, type Split, type Ticket, targetText } from "./ticket.ts";
export { type PlannedRequest, type WorkloadOptions, workload } from "./workload.ts";
