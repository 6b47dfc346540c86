// The words of the support-ticket task. The model shipped with the mesh was trained on exactly these sentences, so a
// changed sentence here is a changed task: the data sets, the model and every quality figure go with it.

export const INTENTS = ["billing", "refund", "login", "outage", "shipping", "cancel", "bug", "feature"] as const;
export type Intent = (typeof INTENTS)[number];

// From least to most urgent; label noise moves a priority by one step in this order.
export const PRIORITIES = ["low", "normal", "high"] as const;
export type Priority = (typeof PRIORITIES)[number];

// What a customer says when the intent is plain to anybody.
export const CUES: Readonly<Record<Intent, readonly string[]>> = {
  billing: [
    "i was charged twice this month",
    "the invoice shows a wrong amount",
    "my card was billed for a plan i never picked",
    "the vat number on the bill is missing",
    "there is an extra fee on the statement",
    "the payment failed but money left the account",
  ],
  refund: [
    "i want my money back",
    "please return the payment for the last order",
    "the item came broken and i expect a reimbursement",
    "send the money back to my card",
    "i returned the box and still wait for the credit",
    "you promised to pay me back",
  ],
  login: [
    "i can not sign in",
    "the reset mail never arrives",
    "my password is rejected",
    "the second factor code is refused",
    "the account is locked after one try",
    "it says the session is expired every minute",
  ],
  outage: [
    "the whole site is down",
    "every request returns an error since noon",
    "nothing loads for anyone in the office",
    "the api answers with 503",
    "all dashboards are blank",
    "the service is not reachable from two regions",
  ],
  shipping: [
    "my parcel has not arrived",
    "tracking shows no movement for days",
    "the courier left the box at a wrong door",
    "the delivery date moved again",
    "the package is stuck at customs",
    "half of the order is still missing",
  ],
  cancel: [
    "please close my account",
    "i want to stop the subscription",
    "end the contract at the end of the month",
    "do not renew my plan",
    "take me off the paid tier",
    "remove our workspace for good",
  ],
  bug: [
    "the export button does nothing",
    "the chart shows yesterday twice",
    "the app crashes when i open settings",
    "search ignores the date filter",
    "the total is rounded wrongly",
    "the page jumps when i scroll",
  ],
  feature: [
    "could you add a dark mode",
    "it would be great to sort by owner",
    "please support csv import",
    "we would love a weekly digest",
    "an option to mute alerts is missing",
    "can you offer an annual view",
  ],
};

// Made-up words. What one of them means is decided per tenant, and only that tenant's history tells.
export const JARGON: readonly string[] = [
  ..."zorn blick quave torp minsk frob glynt vask harn plove drent skirr munt yarl crebb ostle".split(" "),
  ..."tarn whim jolt kelp brack snid fenn purl grob lurk nard thole vint wick quill rasp".split(" "),
];

export const JARGON_SENTENCES: readonly ((word: string) => string)[] = [
  (word) => `the ${word} thing happened again`,
  (word) => `we have a ${word} case here`,
  (word) => `it is about ${word}`,
  (word) => `another ${word} from our side`,
  (word) => `please handle this ${word}`,
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
];
export const LOW_CLOSINGS: readonly string[] = [
  "no rush",
  "whenever you have time",
  "not urgent at all",
  "just for your backlog",
  "low importance for us",
  "take your time",
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
