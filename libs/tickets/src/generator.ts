// Writes one ticket at a time from the grammar. Pure: the same random numbers give the same ticket.
import type { Random } from "@chimera/kernel";
import {
  CITIES,
  COMPETING_FORMS,
  CUE_SLOTS,
  CUES,
  defaultPriority,
  FILLERS,
  type FillerSlots,
  fillCue,
  HIGH_CLOSINGS,
  INTENT_NOUNS,
  INTENTS,
  type Intent,
  isTrainedCue,
  JARGON,
  JARGON_SENTENCES,
  LOW_CLOSINGS,
  NEUTRAL_CLOSINGS,
  OPENINGS,
  PLANS,
  PRIORITIES,
  type Priority,
  slotsIn,
  TRAINED_JARGON,
} from "./grammar.ts";

// Which phrasings and made-up words a ticket may use. What is "unseen" is kept from the model's training.
export type Repertoire = "trained" | "unseen" | "all";

// A tenant's private words and what they mean there.
export type JargonMap = ReadonlyMap<string, Intent>;

export interface Labels {
  intent: Intent;
  priority: Priority;
}

export interface WrittenTicket extends Labels {
  text: string;
  // The ticket without its greeting and with every slot value masked. Two tickets with one skeleton are near duplicates.
  skeleton: string;
}

const COMPETING_SHARE = 0.22;
const HIGH_SHARE = 0.3;
const LOW_SHARE = 0.25;
// How many fillers a ticket gets: none in two of five, one in two, two in one.
const FILLER_COUNTS: readonly number[] = [0, 0, 1, 1, 2];
const MASKED: FillerSlots = { plan: "*", city: "*", count: "*", otherIntent: "*" };

interface Sentence {
  text: string;
  masked: string;
}

export function integerBelow(random: Random, bound: number): number {
  return Math.floor(random() * bound);
}

/** One element, all equally likely. Throws RangeError on an empty list. */
export function pick<T>(random: Random, list: readonly T[]): T {
  const picked = list[integerBelow(random, list.length)];
  if (picked === undefined) throw new RangeError("nothing to pick from");
  return picked;
}

export function otherIntent(random: Random, intent: Intent): Intent {
  return pick(
    random,
    INTENTS.filter((candidate) => candidate !== intent),
  );
}

/** `size` jargon words, each given a meaning of its own. Only trained words or all of them. */
export function drawJargon(random: Random, size: number, repertoire: "trained" | "all" = "all"): JargonMap {
  const words = repertoire === "trained" ? [...TRAINED_JARGON] : [...JARGON];
  const jargon = new Map<string, Intent>();
  while (jargon.size < size && words.length > 0) {
    const [word] = words.splice(integerBelow(random, words.length), 1);
    if (word !== undefined) jargon.set(word, pick(random, INTENTS));
  }
  return jargon;
}

export interface TicketOptions {
  // The tenant's own words, where the ticket is to use one of them instead of plain words.
  jargon?: JargonMap;
  repertoire?: Repertoire;
  // Only what bears on the labels: no greeting, no filler, no second intent.
  bare?: boolean;
  // Words go missing from what says the intent: each with a probability drawn per sentence, from 0 to this. 0 where unset.
  wordDrop?: number;
}

/** A ticket in plain words, or in one of the tenant's own where `jargon` is given. */
export function writeTicket(random: Random, options: TicketOptions = {}): WrittenTicket {
  const { jargon, bare = false } = options;
  const opening = bare ? "" : pick(random, OPENINGS);
  const { intent, body } = jargon ? writeJargonBody(random, jargon) : writePlainBody(random, options);
  if (!bare) addFillers(random, intent, body);
  const { priority, closing } = writeClosing(random, intent);
  if (closing !== "") body.push(plain(closing));
  const sentences = body.map((sentence) => sentence.text);
  return {
    text: (opening === "" ? sentences : [opening, ...sentences]).join(" . "),
    skeleton: body.map((sentence) => sentence.masked).join(" . "),
    intent,
    priority,
  };
}

/** Annotators err: with probability `rate` any intent is written down, and with the same, a priority one step off. */
export function mislabel(random: Random, truth: Labels, rate: number): Labels {
  const intent = random() < rate ? pick(random, INTENTS) : truth.intent;
  if (random() >= rate) return { intent, priority: truth.priority };
  const step = PRIORITIES.indexOf(truth.priority) + pick(random, [-1, 1]);
  return { intent, priority: PRIORITIES[step] ?? truth.priority };
}

interface Body {
  intent: Intent;
  body: Sentence[];
}

function writeJargonBody(random: Random, jargon: JargonMap): Body {
  const [word, intent] = pick(random, [...jargon]);
  return { intent, body: [plain(pick(random, JARGON_SENTENCES)(word))] };
}

function writePlainBody(random: Random, options: TicketOptions): Body {
  const intent = pick(random, INTENTS);
  const asked = writeCue(random, intent, options);
  if (options.bare || random() >= COMPETING_SHARE) return { intent, body: [asked] };
  const other = writeCue(random, otherIntent(random, intent), options);
  const { join } = pickForm(random);
  const masked = join(asked.masked, other.masked);
  return { intent, body: join(asked.text, other.text).map((text, i) => ({ text, masked: masked[i] ?? text })) };
}

function writeCue(random: Random, intent: Intent, { repertoire = "all", wordDrop = 0 }: TicketOptions): Sentence {
  const lines = CUES[intent].filter((_, i) => repertoire === "all" || isTrainedCue(i) === (repertoire === "trained"));
  const cue = pick(random, lines);
  const values = slotsIn(cue).map((slot) => pick(random, CUE_SLOTS[slot] ?? []));
  const text = fillCue(cue, values);
  return { text: wordDrop > 0 ? withoutSomeWords(random, text, wordDrop) : text, masked: cue };
}

// Without them a sentence says the opposite.
const NEGATIONS: ReadonlySet<string> = new Set(["not", "no", "never", "nobody", "without"]);
const FEWEST_WORDS = 3;

// The whole sentence where too little would be left of it.
function withoutSomeWords(random: Random, text: string, mostDropped: number): string {
  const rate = random() * mostDropped;
  const left = text.split(" ").filter((word) => random() >= rate || NEGATIONS.has(word));
  return left.length < FEWEST_WORDS ? text : left.join(" ");
}

function pickForm(random: Random): (typeof COMPETING_FORMS)[number] {
  let left = random();
  for (const form of COMPETING_FORMS) {
    left -= form.share;
    if (left < 0) return form;
  }
  return pick(random, COMPETING_FORMS.slice(-1));
}

function addFillers(random: Random, intent: Intent, body: Sentence[]): void {
  const count = pick(random, FILLER_COUNTS);
  for (let i = 0; i < count; i++) {
    const write = pick(random, FILLERS);
    const slots: FillerSlots = {
      plan: pick(random, PLANS),
      city: pick(random, CITIES),
      count: String(2 + integerBelow(random, 98)),
      otherIntent: INTENT_NOUNS[otherIntent(random, intent)],
    };
    body.splice(integerBelow(random, body.length + 1), 0, { text: write(slots), masked: write(MASKED) });
  }
}

function writeClosing(random: Random, intent: Intent): { priority: Priority; closing: string } {
  const draw = random();
  if (draw < HIGH_SHARE) return { priority: "high", closing: pick(random, HIGH_CLOSINGS) };
  if (draw < HIGH_SHARE + LOW_SHARE) return { priority: "low", closing: pick(random, LOW_CLOSINGS) };
  return { priority: defaultPriority(intent), closing: pick(random, NEUTRAL_CLOSINGS) };
}

function plain(text: string): Sentence {
  return { text, masked: text };
}
