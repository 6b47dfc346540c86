// Requests as they arrive at a router, made up by seed: what tenants share, how conversations grow, and nothing shared at all.
import { type Random, seededRandom } from "@chimera/kernel";
import { promptTokens } from "../../../services/inference/src/engine/simulated/prompt-tokens.ts";
import { prefixKeys } from "../../../services/router/src/balance/prefix-keys.ts";

export interface TraceRequest {
  arrivedMs: number;
  promptTokens: number;
  completionTokens: number;
  /** What the engine finds its kept state by. */
  blocks: readonly number[];
  /** What the router finds replicas by. */
  prefixKeys: readonly number[];
}

export interface TraceOptions {
  seed: number;
  requests: number;
  blockTokens: number;
}

export type TraceName = keyof typeof TRACES;

interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}

interface Draft {
  arrivedMs: number;
  messages: readonly Message[];
  completionTokens: number;
}

const ROLES = { system: 1, user: 2, assistant: 3 } as const;
const BYTES_PER_TOKEN = 4;

/** More than the longest text has. */
const LETTERS = 1_048_576;

const TENANTS = 48;
const TENANT_PREFIX_TOKENS = 3000;
const MEAN_QUESTION_TOKENS = 300;
const MEAN_ANSWER_TOKENS = 128;

/** Arrivals per second at 8 replicas: about 70 % of what round robin can bear, so that no policy is compared with a collapse. */
const RATE = { "shared-prefix": 26, conversation: 12, "no-reuse": 24 } as const;

const CONVERSATION_SYSTEM_TOKENS = 500;
const CONVERSATION_TURNS = 8;
const THINK_MS = { least: 4000, mean: 12_000 };
/** By then about as many conversations end as begin; what is before is left out. */
const SETTLED_AFTER_MS = 400_000;

export const TRACES = {
  /** Each tenant begins all its prompts with 3000 tokens of its own; the n-th of 48 has 1 ÷ n of the first one's traffic. */
  "shared-prefix": (options: TraceOptions) => finished(sharedPrefix(options), options),
  /** Turns of conversations, each prompt the one before with its answer and a new question. */
  conversation: (options: TraceOptions) => finished(conversations(options), options),
  /** No two prompts begin alike. */
  "no-reuse": (options: TraceOptions) => finished(noReuse(options), options),
} as const;

function sharedPrefix({ seed, requests }: TraceOptions): Draft[] {
  const random = seededRandom(seed);
  const text = texts(random);
  const prefixes = Array.from({ length: TENANTS }, () => text(TENANT_PREFIX_TOKENS));
  const arrivals = poisson(random, RATE["shared-prefix"]);
  return Array.from({ length: requests }, () => {
    const content = prefixes[zipf(random, TENANTS)] ?? "";
    const system: Message = { role: "system", content };
    return {
      arrivedMs: arrivals(),
      messages: [system, question(random, text)],
      completionTokens: answerTokens(random),
    };
  });
}

function conversations({ seed, requests }: TraceOptions): Draft[] {
  const random = seededRandom(seed);
  const text = texts(random);
  const system: Message = { role: "system", content: text(CONVERSATION_SYSTEM_TOKENS) };
  const ratePerS = RATE.conversation / CONVERSATION_TURNS;
  const endMs = SETTLED_AFTER_MS + (requests / RATE.conversation) * 1000;
  const starts = poisson(random, ratePerS);
  const drafts: Draft[] = [];
  for (let startMs = starts(); startMs < endMs; startMs = starts()) {
    let arrivedMs = startMs;
    let messages = [system];
    const turns = 1 + geometric(random, CONVERSATION_TURNS - 1);
    for (let turn = 0; turn < turns && arrivedMs < endMs; turn++) {
      messages = [...messages, question(random, text)];
      const completionTokens = answerTokens(random);
      if (arrivedMs >= SETTLED_AFTER_MS)
        drafts.push({ arrivedMs: arrivedMs - SETTLED_AFTER_MS, messages, completionTokens });
      messages = [...messages, { role: "assistant", content: text(completionTokens) }];
      arrivedMs += THINK_MS.least + exponential(random, THINK_MS.mean - THINK_MS.least);
    }
  }
  return drafts.sort((a, b) => a.arrivedMs - b.arrivedMs);
}

function noReuse({ seed, requests }: TraceOptions): Draft[] {
  const random = seededRandom(seed);
  const text = texts(random);
  const arrivals = poisson(random, RATE["no-reuse"]);
  return Array.from({ length: requests }, () => ({
    arrivedMs: arrivals(),
    messages: [{ role: "user" as const, content: text(200 + exponential(random, 1000)) }],
    completionTokens: answerTokens(random),
  }));
}

function finished(drafts: readonly Draft[], { blockTokens }: TraceOptions): TraceRequest[] {
  return drafts.map(({ arrivedMs, messages, completionTokens }) => {
    const { count, blocks } = promptTokens({ kind: "messages", messages }, blockTokens);
    const keyed = messages.map(({ role, content }) => ({ role: ROLES[role], content }));
    return {
      arrivedMs,
      promptTokens: count,
      completionTokens,
      blocks,
      prefixKeys: prefixKeys({ messages: keyed, prompt: "" }),
    };
  });
}

const question = (random: Random, text: Texts): Message => ({
  role: "user",
  content: text(20 + exponential(random, MEAN_QUESTION_TOKENS - 20)),
});

const answerTokens = (random: Random) => 1 + geometric(random, MEAN_ANSWER_TOKENS - 1);

function poisson(random: Random, ratePerS: number): () => number {
  let atMs = 0;
  return () => {
    atMs += exponential(random, 1000 / ratePerS);
    return atMs;
  };
}

function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random()) * mean;
}

function geometric(random: Random, mean: number): number {
  return Math.floor(exponential(random, 1) / Math.log(1 + 1 / mean));
}

/** The n-th, from 0, with weight 1 ÷ (n + 1). */
function zipf(random: Random, count: number): number {
  const total = Array.from({ length: count }, (_, n) => 1 / (n + 1)).reduce((sum, weight) => sum + weight, 0);
  let left = random() * total;
  for (let n = 0; n < count; n++) {
    left -= 1 / (n + 1);
    if (left < 0) return n;
  }
  return count - 1;
}

type Texts = (tokens: number) => string;

/** Texts of so many tokens, no two of which begin alike: each begins with its number and goes on somewhere in the same letters. */
function texts(random: Random): Texts {
  const letters = Array.from({ length: LETTERS / 8 }, () =>
    Math.floor(random() * 36 ** 8)
      .toString(36)
      .padStart(8, "0"),
  ).join("");
  let made = 0;
  return (tokens) => {
    const head = `${made++} `;
    const length = Math.max(head.length, Math.round(tokens) * BYTES_PER_TOKEN);
    const at = Math.floor(random() * (LETTERS - length));
    return head + letters.slice(at, at + length - head.length);
  };
}
