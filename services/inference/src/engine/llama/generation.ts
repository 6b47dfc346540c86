// One answer in one slot: prompt in, tokens out as text, until an end token, a stop text, the token limit or the signal.
import type { Clock } from "@chimera/kernel";
import type { CompletePart } from "../engine.ts";
import type { PartBuffer } from "../part-buffer.ts";
import { StopMatcher } from "../stop-matcher.ts";
import { evaluateOptions } from "./evaluate-options.ts";
import type { GenerationPlan } from "./generation-plan.ts";
import { type CompiledGrammar, deadEnd } from "./grammar/grammars.ts";
import type { OpenedModel } from "./open-llama.ts";
import type { SequenceSlot } from "./sequence-slot.ts";
import { asToken } from "./token.ts";
import type { TokenDecoder } from "./token-decoder.ts";

export interface GenerationTools {
  model: OpenedModel;
  clock: Clock;
  signal: AbortSignal;
  buffer: PartBuffer;
  /** Loads a kept state into the slot where one covers more of the prompt. */
  recall(): Promise<void>;
  /** After the prompt was computed; the last of `tokens` gave the first token of the answer. */
  onPrefill(tokens: number, durationMs: number): void;
  onToken(): void;
}

/** Writes the deltas into the buffer and returns the last part. Throws the signal's reason when it aborts. */
export async function runGeneration(
  slot: SequenceSlot,
  plan: GenerationPlan,
  tools: GenerationTools,
): Promise<CompletePart> {
  const { clock, signal } = tools;
  const startedMs = clock.monotonicMs();
  await tools.recall();
  const { cachedTokens, rest } = await slot.prefill(plan.prompt, signal);
  const answer = new Answer(plan, tools);
  const options = {
    ...evaluateOptions(plan.sampling, plan.seed, () => answer.history),
    grammarEvaluationState: plan.grammar?.begin(),
  };
  let firstTokenAtMs = startedMs;
  const tokens = slot.sequence.evaluate(rest, options);
  for await (const token of plan.grammar ? namingDeadEnds(tokens, plan.grammar) : tokens) {
    if (answer.tokenCount === 0) {
      firstTokenAtMs = clock.monotonicMs();
      tools.onPrefill(plan.prompt.length - cachedTokens, firstTokenAtMs - startedMs);
    }
    signal.throwIfAborted();
    await answer.accept(token);
    signal.throwIfAborted();
    if (answer.finishReason) break;
  }
  const endedMs = clock.monotonicMs();
  answer.flush();
  return {
    kind: "complete",
    finishReason: answer.finishReason ?? "stop",
    usage: { promptTokens: plan.prompt.length, cachedTokens, completionTokens: answer.tokenCount },
    timings: {
      queueMs: startedMs - plan.arrivedMs,
      prefillMs: firstTokenAtMs - startedMs,
      firstTokenMs: firstTokenAtMs - plan.arrivedMs,
      totalMs: endedMs - plan.arrivedMs,
    },
  };
}

/** The library's own error for it says nothing of the request. */
async function* namingDeadEnds<T>(tokens: AsyncIterable<T>, { source }: CompiledGrammar): AsyncGenerator<T> {
  try {
    yield* tokens;
  } catch (error) {
    throw deadEnd(source, error) ?? error;
  }
}

/** The answer so far: which tokens, which of their text is out, and whether it has ended. */
class Answer {
  readonly #plan: GenerationPlan;
  readonly #tools: GenerationTools;
  readonly #decoder: TokenDecoder;
  readonly #stops: StopMatcher;
  /** Prompt and answer; bounded by the context. */
  readonly history: number[];
  tokenCount = 0;
  finishReason: CompletePart["finishReason"] | undefined;
  #tokensSinceDelta = 0;

  constructor(plan: GenerationPlan, tools: GenerationTools) {
    this.#plan = plan;
    this.#tools = tools;
    this.#decoder = tools.model.newDecoder();
    this.#stops = new StopMatcher(plan.sampling.stop);
    this.history = [...plan.prompt];
  }

  async accept(token: number): Promise<void> {
    this.tokenCount++;
    this.#tools.onToken();
    if (this.#tools.model.isEnd(asToken(token))) {
      this.finishReason = "stop";
      return;
    }
    this.history.push(token);
    this.#tokensSinceDelta++;
    const step = this.#stops.push(this.#decoder.push(token));
    if (step.stopped) this.finishReason = "stop";
    else if (this.tokenCount >= this.#plan.maxTokens) this.finishReason = "length";
    const room = this.#send(step.text);
    // An ended answer frees its slot without waiting for its reader.
    if (!this.finishReason) await room;
  }

  /** Sends what was held back in case a stop text would follow. */
  flush(): void {
    void this.#send(this.#stops.flush());
  }

  async #send(text: string): Promise<void> {
    if (text === "") return;
    const tokens = this.#tokensSinceDelta;
    this.#tokensSinceDelta = 0;
    await this.#tools.buffer.push(text, tokens);
  }
}
