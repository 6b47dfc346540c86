// What of an answer can be tuned without touching weights. Parameters of one prompt or one sampler are tuned together:
// they act on the same tail.
import type { SpaceDescription } from "./space.ts";

const sampled = { parameter: "temperature", above: 0 } as const;
const withShots = { parameter: "shot_selection", in: ["fixed", "similar", "diverse"] } satisfies object;

/** `templates` are the names of the prompt forms that the caller can play. */
export function productSpace(templates: readonly string[]): SpaceDescription {
  return {
    parameters: {
      model_variant: { kind: "categorical", choices: ["triage-1.4m", "triage-3.2m"] },
      // Steps, so that 0, greedy decoding, is a value like any other.
      temperature: { kind: "float", low: 0, high: 1.5, step: 0.05 },
      top_p: { kind: "float", low: 0.1, high: 1, step: 0.01, when: sampled },
      top_k: { kind: "int", low: 1, high: 200, scale: "log", when: sampled },
      min_p: { kind: "float", low: 0, high: 0.3, step: 0.01, when: sampled },
      repetition_penalty: { kind: "float", low: 1, high: 1.4, step: 0.01 },
      template: { kind: "categorical", choices: [...templates] },
      shot_selection: { kind: "categorical", choices: ["none", "fixed", "similar", "diverse"] },
      // No shots is the selection "none".
      shots: { kind: "int", low: 1, high: 16, when: withShots },
      // Votes over equal greedy answers would change nothing.
      votes: { kind: "int", low: 1, high: 9, when: sampled },
      max_tokens: { kind: "int", low: 4, high: 128, scale: "log" },
    },
  };
}
