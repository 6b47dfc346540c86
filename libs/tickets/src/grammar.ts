// The words of the support-ticket task. The model shipped with the mesh was trained on exactly these sentences and
// those of cues.ts, so a changed sentence is a changed task: the data sets, the model and every quality figure go with it.

import type { Intent, Priority } from "./intents.ts";

export { CUE_SLOTS, CUES, fillCue, isTrainedCue, slotsIn } from "./cues.ts";
export { INTENTS, type Intent, PRIORITIES, type Priority } from "./intents.ts";

// Made-up words. What one of them means is decided per tenant, and only that tenant's history tells.
export const TRAINED_JARGON: readonly string[] = [
  ..."zorn blick quave torp minsk frob glynt vask harn plove drent skirr munt yarl crebb ostle".split(" "),
  ..."tarn whim jolt kelp brack snid fenn purl grob lurk nard thole vint wick quill rasp".split(" "),
  ..."dax mib zel vorn klee pruk gant wod ruv feb hox lim sarn tiv".split(" "),
];
// Kept from training: they measure whether a word is looked up in the history, or known by heart.
export const HELD_OUT_JARGON: readonly string[] = ["bruk", "nolt"];
export const JARGON: readonly string[] = [...TRAINED_JARGON, ...HELD_OUT_JARGON];

export const JARGON_SENTENCES: readonly ((word: string) => string)[] = [
  (word) => `the ${word} thing happened again`,
  (word) => `we have a ${word} case here`,
  (word) => `it is about ${word}`,
  (word) => `another ${word} from our side`,
  (word) => `please handle this ${word}`,
  (word) => `the ${word} is back`,
  (word) => `can you look at our ${word}`,
  (word) => `one more ${word} today`,
];

// The empty text stands twice: two tickets in nine have no greeting.
export const OPENINGS: readonly string[] = [
  "hello team",
  "hi",
  "good morning",
  "hey there",
  "dear support",
  "",
  "",
  "to whom it may concern",
  "quick note",
];

// The slots of a filler. Their values never bear on the labels.
export interface FillerSlots {
  plan: string;
  city: string;
  count: string;
  otherIntent: string;
}

export const FILLERS: readonly ((slots: FillerSlots) => string)[] = [
  ({ plan }) => `we use the ${plan} plan`,
  ({ city }) => `i am writing from ${city}`,
  ({ count }) => `our team has ${count} people`,
  ({ count }) => `this is about order ${count}`,
  () => "i already read the help page",
  () => "a colleague told me to write here",
  ({ otherIntent }) => `last week ${otherIntent} was mentioned in your newsletter`,
  ({ otherIntent }) => `unlike before , this time it is not about ${otherIntent}`,
];

export const PLANS: readonly string[] = ["free", "basic", "pro", "team"];
export const CITIES: readonly string[] = ["berlin", "lima", "osaka", "leeds"];

// How a filler names an intent that the ticket is not about.
export const INTENT_NOUNS: Readonly<Record<Intent, string>> = {
  billing: "billing",
  refund: "refunds",
  login: "login",
  outage: "an outage",
  shipping: "shipping",
  cancel: "cancelling",
  bug: "a bug",
  feature: "a new feature",
};

// Two intents in one ticket; the words around them say which one is asked.
export const COMPETING_FORMS: readonly {
  readonly share: number;
  readonly join: (asked: string, other: string) => readonly string[];
}[] = [
  { share: 0.4, join: (asked, other) => [`${other} but that is solved`, asked] },
  { share: 0.4, join: (asked, other) => [asked, `the earlier ticket was : ${other}`] },
  { share: 0.2, join: (asked, other) => [other, `more important : ${asked}`] },
];

// Closings. A high or low one sets the priority; a neutral one leaves what the intent suggests.
export const HIGH_CLOSINGS: readonly string[] = [
  "this is urgent",
  "we are blocked",
  "please fix it right now",
  "customers are waiting",
  "we lose money every hour",
  "asap please",
  "we can not wait",
  "this is critical for us",
];
export const LOW_CLOSINGS: readonly string[] = [
  "no rush",
  "whenever you have time",
  "not urgent at all",
  "just for your backlog",
  "low importance for us",
  "take your time",
  "this can wait",
  "no need to hurry",
];
export const NEUTRAL_CLOSINGS: readonly string[] = [
  "please let me know",
  "thanks in advance",
  "looking forward to your answer",
  "what are the next steps",
  "",
  "",
];

export function defaultPriority(intent: Intent): Priority {
  if (intent === "outage") return "high";
  return intent === "feature" ? "low" : "normal";
}
