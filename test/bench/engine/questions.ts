// What the engine is asked: real tickets, so that prompts differ the way a desk's do.
import { fileURLToPath } from "node:url";
import { createLlamaEngine, type Engine, type EngineMessage, type EngineRequest } from "@chimera/inference";
import { createLogger } from "@chimera/lifecycle";
import { loadTickets } from "@chimera/tickets";

const MODEL = fileURLToPath(new URL("../../../services/inference/model/triage-1.4m.json", import.meta.url));
/** No answer of the model holds it: every answer has as many tokens as it may. */
const NO_STOP = "@@@";
const CONTEXT_TOKENS = 1024;
const MAX_QUEUED = 256;

export interface BenchEngineOptions {
  slots: number;
  maxSlots?: number;
  /** Where warm prefixes are kept. */
  stateFolder?: string;
}

export function openBenchEngine({ slots, maxSlots = slots, stateFolder }: BenchEngineOptions): Promise<Engine> {
  return createLlamaEngine({
    modelPath: MODEL,
    slots,
    maxSlots,
    maxQueued: MAX_QUEUED,
    contextTokens: CONTEXT_TOKENS,
    threads: 1,
    logger: createLogger("bench", "silent"),
    ...(stateFolder !== undefined && { states: { folder: stateFolder, maxBytes: 256 * 1024 * 1024 } }),
  });
}

export async function ticketTexts(): Promise<string[]> {
  const splits = await Promise.all((["train", "history", "validation"] as const).map(loadTickets));
  return splits.flat().map(({ input }) => input);
}

/** One line of instructions and solved tickets, as a desk would put before every ticket. */
export async function solvedPrefix(examples: number): Promise<EngineMessage[]> {
  const solved = (await loadTickets("train")).slice(0, examples);
  const content = "you are the triage desk . read the ticket and give intent and priority .";
  return [
    { role: "system", content },
    ...solved.flatMap(({ input, target }): EngineMessage[] => [
      { role: "user", content: input },
      { role: "assistant", content: target },
    ]),
  ];
}

export interface Question {
  content: string;
  maxTokens: number;
  before?: readonly EngineMessage[];
  temperature?: number;
  seed?: number;
}

export function questionOf({ content, maxTokens, before = [], temperature = 0, seed = 1 }: Question): EngineRequest {
  return {
    input: { kind: "messages", messages: [...before, { role: "user", content }] },
    sampling: { temperature, seed, topK: 0, topP: 1, minP: 0, maxTokens, stop: [NO_STOP] },
  };
}

export interface Read {
  text: string;
  cachedTokens: number;
}

/** Reads one answer to its end; `onText` is called with the first text. */
export async function readAnswer(
  engine: Engine,
  request: EngineRequest,
  options: { signal: AbortSignal; onText?(): void },
): Promise<Read> {
  let text = "";
  let cachedTokens = 0;
  for await (const part of engine.generate(request, options.signal)) {
    if (part.kind === "delta") {
      if (text === "") options.onText?.();
      text += part.text;
    } else if (part.kind === "complete") cachedTokens = part.usage.cachedTokens;
  }
  return { text, cachedTokens };
}
