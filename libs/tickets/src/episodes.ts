// What the model is trained on: several tickets of one tenant in a row, each with its labels, in one of the prompt forms.
// Tickets come from the training part of the hash space only, so that neither a ticket of another split nor a near
// duplicate of one is ever learned.
import { type Random, seededRandom } from "@chimera/kernel";
import { clusterOf, splitOf } from "./data-sets.ts";
import {
  drawJargon,
  type JargonMap,
  type Labels,
  mislabel,
  pick,
  type WrittenTicket,
  writeTicket,
} from "./generator.ts";
import { defaultPriority } from "./grammar.ts";
import { mostSimilar, type WordWeights, wordWeights } from "./similar.ts";

export const SYSTEM_LINE = "you are the triage desk . read the ticket and give intent and priority .";

const BACKGROUND_SEED = 900_605;
const BACKGROUND_TENANTS = 16;
const BACKGROUND_WORDS = 4;
const BACKGROUND_TICKETS = 32;

const PROMPT_FORM_NAMES = ["plain", "kv", "json", "list", "line"] as const;
export type PromptForm = (typeof PROMPT_FORM_NAMES)[number];

export interface EpisodePlan {
  // Relative frequency of each form.
  forms: Readonly<Partial<Record<PromptForm, number>>>;
  tickets: number;
  // One of each list is drawn per episode.
  jargonWords: readonly number[];
  jargonShares: readonly number[];
  // Share of episodes whose tickets are one short sentence with a made-up word: the quickest way to teach that its meaning stands above.
  terseShare: number;
  // Share of the other episodes whose tickets hold nothing but the cue and the closing.
  bareShare: number;
  // Share of episodes that end as a served prompt does: the tickets most like the last one stand before it, best last.
  retrievedShare: number;
  shots: number;
  // Of these the shots are chosen.
  history: number;
  // How much more a rarer word counts when they are chosen; see wordWeights.
  rarityPower: number;
  labelNoise: number;
  // See TicketOptions: sentences with gaps teach the model to read a phrasing by its words, not to know it by heart.
  wordDrop?: number;
}

// "jargon": an intent that an earlier ticket of the episode explains. "guess": one that nothing explains yet.
export type Role = "prompt" | "form" | "intent" | "jargon" | "guess" | "priority";
export type Segment = readonly [text: string, role: Role];

interface Example extends Labels {
  text: string;
  word: string | undefined;
}

type Form = (ticket: string, intent: Segment, priority: Segment, word?: string) => readonly Segment[];

/** How a solved ticket reads; the first segment alone is the prompt for an open one. */
export const PROMPT_FORMS: Readonly<Record<PromptForm, Form>> = {
  plain: (ticket, intent, priority) => [
    [`ticket : ${ticket}\nanswer :`, "prompt"],
    [` ${intent[0]}`, intent[1]],
    [` ${priority[0]}`, priority[1]],
    ["\n", "form"],
  ],
  kv: (ticket, intent, priority) => [
    [`### ticket\n${ticket}\n### labels\n`, "prompt"],
    ["intent=", "form"],
    intent,
    [" priority=", "form"],
    priority,
    ["\n", "form"],
  ],
  // Only for training, of tickets with a made-up word: the word and its meaning side by side, then a little apart.
  list: (ticket, intent, _priority, word = ticket) => [
    [` ${word}`, "prompt"],
    [` ${intent[0]}`, intent[1]],
    ["\n", "form"],
  ],
  line: (ticket, intent, _priority, word = ticket) => [
    [` ${word}`, "prompt"],
    ["\nintent=", "form"],
    intent,
    ["\n", "form"],
  ],
  json: (ticket, intent, priority) => [
    [`input : ${ticket}\njson :`, "prompt"],
    [` {"intent":"`, "form"],
    intent,
    [`","priority":"`, "form"],
    priority,
    [`"}`, "form"],
    ["\n", "form"],
  ],
};

/** Episodes without end; the same plan and seed give the same ones. */
export function* episodes(plan: EpisodePlan, seed: number): Generator<readonly Segment[], never, undefined> {
  const random = seededRandom(seed);
  const weights = wordWeights(backgroundTexts(), plan.rarityPower);
  for (;;) yield drawEpisode(random, plan, weights);
}

function drawEpisode(random: Random, plan: EpisodePlan, weights: WordWeights): readonly Segment[] {
  const form = PROMPT_FORMS[pickForm(random, plan.forms)];
  const head: readonly Segment[] = random() < 0.5 ? [[`${SYSTEM_LINE}\n`, "prompt"]] : [];
  return [...head, ...render(drawExamples(random, plan, weights), form)];
}

// Tickets of many tenants, against which a word counts as rare.
function backgroundTexts(): string[] {
  const random = seededRandom(BACKGROUND_SEED);
  return Array.from({ length: BACKGROUND_TENANTS }, () => drawJargon(random, BACKGROUND_WORDS, "trained")).flatMap(
    (jargon) =>
      Array.from(
        { length: BACKGROUND_TICKETS },
        () => drawExample(random, { jargon, share: 0.4, bare: false, wordDrop: 0 }).text,
      ),
  );
}

function pickForm(random: Random, weights: EpisodePlan["forms"]): PromptForm {
  const entries = PROMPT_FORM_NAMES.map((name) => ({ name, weight: weights[name] ?? 0 }));
  let at = random() * entries.reduce((sum, { weight }) => sum + weight, 0);
  for (const { name, weight } of entries) {
    at -= weight;
    if (at < 0) return name;
  }
  return "kv";
}

function drawExamples(random: Random, plan: EpisodePlan, weights: WordWeights): readonly Example[] {
  const jargon = drawJargon(random, pick(random, plan.jargonWords), "trained");
  if (random() < plan.terseShare) return Array.from({ length: plan.tickets }, () => drawWord(random, jargon));
  const share = pick(random, plan.jargonShares);
  const bare = random() < plan.bareShare;
  const retrieved = random() < plan.retrievedShare;
  const count = retrieved ? plan.history + 1 : plan.tickets;
  const examples = Array.from({ length: count }, () => {
    const example = drawExample(random, { jargon, share, bare, wordDrop: plan.wordDrop ?? 0 });
    return { ...example, ...mislabel(random, example, plan.labelNoise) };
  });
  const asked = examples.at(-1);
  if (!retrieved || asked === undefined) return examples;
  return [...mostSimilar(asked.text, examples.slice(0, -1), { count: plan.shots, weights }), asked];
}

function drawWord(random: Random, jargon: JargonMap): Example {
  const [word, intent] = pick(random, [...jargon]);
  return { text: `it is about ${word}`, word, intent, priority: defaultPriority(intent) };
}

interface ExampleOptions {
  jargon: JargonMap;
  share: number;
  bare: boolean;
  wordDrop: number;
}

function drawExample(random: Random, { jargon, share, bare, wordDrop }: ExampleOptions): Example {
  const entry = random() < share ? pick(random, [...jargon]) : undefined;
  for (;;) {
    const written: WrittenTicket = writeTicket(random, {
      repertoire: "trained",
      bare,
      wordDrop,
      ...(entry && { jargon: new Map([entry]) }),
    });
    if (splitOf(clusterOf(written.skeleton)) === "train") return { ...written, word: entry?.[0] };
  }
}

function render(examples: readonly Example[], form: Form): readonly Segment[] {
  const explained = new Set<string>();
  return examples.flatMap(({ text, word, intent, priority }) => {
    const role: Role = word === undefined ? "intent" : explained.has(word) ? "jargon" : "guess";
    if (word !== undefined) explained.add(word);
    return form(text, [intent, role], [priority, "priority"], word);
  });
}
