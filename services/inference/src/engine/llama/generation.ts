// One answer in one slot: prompt in, tokens out as text, until an end token, a stop text, the token limit or the signal.
import type { Clock } from "@chimera/kernel";
import type { SequenceEvaluateOptions } from "node-llama-cpp";
import type { CompletePart } from "../engine.ts";
import type { PartBuffer } from "../part-buffer.ts";
import { evaluateOptions } from "./evaluate-options.ts";
import type { GenerationPlan } from "./generation-plan.ts";
import { deadEnd } from "./grammar/grammars.ts";
import type { OpenedModel } from "./open-llama.ts";
import type { SequenceSlot } from "./sequence-slot.ts";
import { asToken } from "./token.ts";

export interface GenerationTools {
  model: OpenedModel;
  clock: Clock;
  signal: AbortSignal;
  buffer: PartBuffer;
  /** Loads a kept state into the slot where one covers more of the prefix. */
  recall(): Promise<void>;
  /** After the prefix was computed; the last of `tokens` gave the first token that was drawn. */
  onPrefill(tokens: number, durationMs: number): void;
  /** After each token that was not sent before. */
  onToken(): void;
}

/** Writes the deltas into the buffer and returns the last part. Throws the signal's reason when it aborts. */
export async function runGeneration(
  slot: SequenceSlot,
  plan: GenerationPlan,
  tools: GenerationTools,
): Promise<CompletePart> {
  const { answer, promptTokens, arrivedMs } = plan;
  const { clock, buffer } = tools;
  const startedMs = clock.monotonicMs();
  // An answer that was cut between its last token and its end has nothing left to draw.
  const drawn = answer.finishReason ? undefined : await draw(slot, plan, tools);
  const firstTokenAtMs = drawn?.firstTokenAtMs ?? startedMs;
  const endedMs = clock.monotonicMs();
  const rest = answer.end();
  if (rest) void buffer.push(rest);
  return {
    kind: "complete",
    finishReason: answer.finishReason ?? "stop",
    usage: { promptTokens, cachedTokens: drawn?.cachedTokens ?? 0, completionTokens: answer.tokenCount },
    timings: {
      queueMs: startedMs - arrivedMs,
      prefillMs: firstTokenAtMs - startedMs,
      firstTokenMs: firstTokenAtMs - arrivedMs,
      totalMs: endedMs - arrivedMs,
    },
  };
}

interface Drawn {
  /** Of the prompt. */
  cachedTokens: number;
  /** The first that was not sent before. */
  firstTokenAtMs: number | undefined;
}

async function draw(slot: SequenceSlot, plan: GenerationPlan, tools: GenerationTools): Promise<Drawn> {
  const { answer, prefix, promptTokens, replay, grammar } = plan;
  const { clock, signal, buffer } = tools;
  const startedMs = clock.monotonicMs();
  await tools.recall();
  const { cachedTokens, rest } = await slot.prefill(prefix, signal);
  const drawn: Drawn = { cachedTokens: Math.min(cachedTokens, promptTokens), firstTokenAtMs: undefined };
  const tokens = slot.sequence.evaluateWithMetadata(rest, {}, drawOptions(plan, tools.model));
  try {
    let step = await tokens.next();
    tools.onPrefill(prefix.length - cachedTokens, clock.monotonicMs() - startedMs);
    while (!step.done) {
      signal.throwIfAborted();
      const { token } = step.value;
      const sent = replay?.next;
      if (replay && sent !== undefined) {
        replay.accept(token);
        step = await tokens.next(asToken(sent));
        continue;
      }
      drawn.firstTokenAtMs ??= clock.monotonicMs();
      tools.onToken();
      const delta = answer.accept(token);
      const room = delta && buffer.push(delta);
      if (answer.finishReason) break;
      if (room) await room;
      signal.throwIfAborted();
      step = await tokens.next();
    }
    return drawn;
  } catch (error) {
    // The library's own error for it says nothing of the request.
    throw (grammar && deadEnd(grammar.source, error)) ?? error;
  } finally {
    await tokens.return();
  }
}

function drawOptions({ answer, promptTokens, replay, ...plan }: GenerationPlan, model: OpenedModel) {
  const known = () =>
    replay?.next === undefined ? answer.history : answer.history.slice(0, promptTokens + replay.drawn);
  const options: SequenceEvaluateOptions = evaluateOptions(plan.sampling, plan.seed, known);
  if (plan.grammar) options.grammarEvaluationState = plan.grammar.begin();
  if (replay?.isForced) options.tokenBias = () => model.biasFor(replay.next);
  return options;
}
