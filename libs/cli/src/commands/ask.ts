// `chimera ask`: one question, answered token by token.
import { CachePolicy, CacheStatus, Role } from "@chimera/contracts/common";
import { Command } from "commander";
import { addressOf } from "../addresses.ts";
import type { Surroundings } from "../config.ts";
import { connectRouter, type GenerateInput, type Generation, generate } from "../generation.ts";
import { decimal, integer } from "../parse.ts";

interface AskOptions {
  tenant: string;
  model?: string;
  system?: string;
  temperature?: number;
  topP?: number;
  maxTokens?: number;
  seed?: number;
  cache: boolean;
  onlyIfCached?: boolean;
  cacheTtl?: number;
  timeout: number;
  url?: string;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  chimera ask "my parcel has not arrived" --tenant acme
  chimera ask "i was charged twice" --temperature 0.7 --seed 1 --max-tokens 24
  chimera ask "i want a refund" --no-cache --json
  echo "where is my order" | chimera ask -`;

export function askCommand(surroundings: Surroundings): Command {
  return new Command("ask")
    .summary("ask the mesh one thing and see the answer as it is made")
    .description(
      "Sends one request to the router and prints the answer token by token. Figures follow on standard error.",
    )
    .argument("<text>", "the user message; - reads it from standard input")
    .option("--tenant <name>", "tenant to ask as", "default")
    .option("--model <id>", "model; the only one of the mesh where left out")
    .option("--system <text>", "system message")
    .option("--temperature <t>", "0 is greedy; the model's own default where left out", decimal(0, 2))
    .option("--top-p <p>", "nucleus mass", decimal(0.01, 1))
    .option("--max-tokens <n>", "most tokens of the answer", integer(1, 1_000_000))
    .option("--seed <n>", "makes sampling repeatable", integer(0, 4_294_967_295))
    .option("--no-cache", "neither look the answer up nor store it")
    .option("--only-if-cached", "a stored answer or none; nothing is generated")
    .option("--cache-ttl <s>", "seconds a new answer stays fresh in the cache", integer(1, 4_294_967_295))
    .option("--timeout <s>", "seconds to wait for the whole answer", integer(1, 3600), 60)
    .option("--url <url>", "router of another mesh")
    .option("--json", "print one JSON object instead of the text")
    .addHelpText("after", EXAMPLES)
    .action((text: string, options: AskOptions) => ask(text, options, surroundings));
}

async function ask(text: string, options: AskOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, clock, stopped } = surroundings;
  const router = connectRouter(addressOf("router", options.url, surroundings));
  try {
    const generation = await generate({
      router,
      tenant: options.tenant,
      request: requestOf(text === "-" ? await readInput() : text, options),
      clock,
      signal: stopped,
      timeoutMs: options.timeout * 1000,
      traced: true,
      onText: (piece) => {
        if (!options.json) terminal.out(piece);
      },
    });
    if (options.json) terminal.out(`${JSON.stringify(asJson(generation), null, 2)}\n`);
    else {
      terminal.out(generation.text.endsWith("\n") ? "" : "\n");
      terminal.err(`${terminal.paintErr("dim", figuresLine(generation))}\n`);
    }
  } finally {
    router.close();
  }
}

function requestOf(text: string, options: AskOptions): GenerateInput {
  const { model, system, temperature, topP, maxTokens, seed, cacheTtl } = options;
  return {
    ...(model !== undefined && { model }),
    messages: [
      ...(system === undefined ? [] : [{ role: Role.SYSTEM, content: system }]),
      { role: Role.USER, content: text },
    ],
    sampling: {
      ...(temperature !== undefined && { temperature }),
      ...(topP !== undefined && { topP }),
      ...(maxTokens !== undefined && { maxTokens }),
      ...(seed !== undefined && { seed }),
    },
    cachePolicy: policyOf(options),
    ...(cacheTtl !== undefined && { cacheControl: { ttlS: cacheTtl } }),
  };
}

function policyOf({ cache, onlyIfCached }: AskOptions): CachePolicy {
  if (!cache) return CachePolicy.BYPASS;
  return onlyIfCached ? CachePolicy.ONLY_IF_CACHED : CachePolicy.UNSPECIFIED;
}

async function readInput(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  return text.trim();
}

const CACHE_WORDS: Readonly<Record<number, string>> = {
  [CacheStatus.HIT]: "hit",
  [CacheStatus.MISS]: "miss",
  [CacheStatus.BYPASS]: "bypass",
  [CacheStatus.STALE]: "stale",
  [CacheStatus.JOINED]: "joined",
};

function cacheWord({ accepted }: Generation): string {
  return CACHE_WORDS[accepted?.cache?.status ?? 0] ?? "unknown";
}

/** Tokens per second after the first one, on the client's clock; undefined where one token or none came, or all at once from the cache. */
function tokensPerS({ accepted, complete, ttftMs, totalMs }: Generation): number | undefined {
  const status = accepted?.cache?.status;
  if (status === CacheStatus.HIT || status === CacheStatus.STALE) return undefined;
  const afterFirst = (complete.usage?.completionTokens ?? 0) - 1;
  if (ttftMs === undefined || afterFirst < 1 || totalMs <= ttftMs) return undefined;
  return (afterFirst * 1000) / (totalMs - ttftMs);
}

/** What a person wants to know of an answer: how soon, how fast, from where, and how to find it again. */
export function figuresLine(generation: Generation): string {
  const { accepted, complete, ttftMs, traceId } = generation;
  const rate = tokensPerS(generation);
  const reason = accepted?.cache?.reason ? ` (${accepted.cache.reason})` : "";
  return [
    ttftMs === undefined ? "no text" : `TTFT ${ttftMs.toFixed(1)} ms`,
    `${complete.usage?.completionTokens ?? 0} tokens${rate === undefined ? "" : `, ${rate.toFixed(0)}/s`}`,
    `cache ${cacheWord(generation)}${reason}`,
    ...(accepted?.servedBy ? [`served by ${accepted.servedBy}`] : []),
    `trace ${traceId}`,
  ].join(" · ");
}

function asJson(generation: Generation): Record<string, unknown> {
  const { text, accepted, complete, ttftMs, totalMs, traceId } = generation;
  return {
    text,
    finishReason: complete.finishReason === 2 ? "length" : "stop",
    ttftMs,
    totalMs,
    tokensPerS: tokensPerS(generation),
    usage: complete.usage && {
      promptTokens: complete.usage.promptTokens,
      cachedTokens: complete.usage.cachedTokens,
      completionTokens: complete.usage.completionTokens,
    },
    cache: { status: cacheWord(generation), reason: accepted?.cache?.reason ?? "" },
    requestId: accepted?.requestId ?? "",
    servedBy: accepted?.servedBy ?? "",
    model: accepted?.model ?? "",
    modelVersion: accepted?.modelVersion ?? "",
    traceId,
  };
}
