// Our sampling values in the library's terms.
import type { Random } from "@chimera/kernel";
import type { SequenceEvaluateOptions } from "node-llama-cpp";
import type { Sampling } from "../engine.ts";
import { asTokens } from "./token.ts";

/** Tokens before the next one, prompt included, that the repetition penalty looks at; llama.cpp's own default. */
const PENALTY_WINDOW_TOKENS = 64;

/** llama.cpp reads this one seed as "draw one yourself". */
const RANDOM_SEED_MARK = 2 ** 32 - 1;

/** `history` returns prompt and answer so far; it is read only where a penalty is on. */
export function evaluateOptions(
  sampling: Sampling,
  seed: number,
  history: () => readonly number[],
): SequenceEvaluateOptions {
  const { temperature, topP, topK, minP, repetitionPenalty } = sampling;
  return {
    temperature,
    topP,
    topK,
    minP,
    seed: seed === RANDOM_SEED_MARK ? 0 : seed,
    yieldEogToken: true,
    ...(repetitionPenalty !== 1 && {
      repeatPenalty: {
        penalty: repetitionPenalty,
        maxPunishTokens: PENALTY_WINDOW_TOKENS,
        punishTokens: () => asTokens(history().slice(-PENALTY_WINDOW_TOKENS)),
      },
    }),
  };
}

/** The seed of a request that names none. Left out, the library would give all requests of one second the same. */
export function drawSeed(random: Random): number {
  return Math.floor(random() * RANDOM_SEED_MARK);
}
