// The objective on which samplers are compared: seven knobs of mixed kinds, a known true quality, and binomial noise of the
// items. The best possible quality is 0.987; the defaults of the knobs have 0.832.
import { type Configuration, SearchSpace } from "../../../services/evaluator/src/tuner/space.ts";

/** Items behind the score of one trial. */
export const ITEMS_PER_TRIAL = 200;

export const knobs = new SearchSpace({
  parameters: {
    temperature: { kind: "float", low: 0, high: 1.5 },
    top_p: { kind: "float", low: 0.1, high: 1 },
    shots: { kind: "int", low: 0, high: 12 },
    template: { kind: "categorical", choices: ["0", "1", "2", "3"] },
    votes: { kind: "int", low: 1, high: 9 },
    threshold: { kind: "float", low: 0.5, high: 0.99 },
    repetition: { kind: "float", low: 0.8, high: 1.4 },
  },
});

const TEMPLATE_EFFECT = [0, 0.02, -0.03, 0.035];

export function trueQuality(configuration: Configuration): number {
  const knob = (name: string) => Number(configuration[name]);
  const bump = (name: string, { at, width }: { at: number; width: number }) =>
    Math.exp(-(((knob(name) - at) / width) ** 2));
  return Math.min(
    0.995,
    0.84 +
      0.05 * bump("temperature", { at: 0.25, width: 0.25 }) +
      0.02 * bump("top_p", { at: 0.9, width: 0.15 }) +
      0.025 * (1 - Math.exp(-knob("shots") / 3)) -
      0.004 * Math.max(0, knob("shots") - 6) +
      (TEMPLATE_EFFECT[knob("template")] ?? 0) +
      (0.02 * Math.log(knob("votes"))) / Math.log(9) -
      (0.08 * Math.max(0, 0.88 - knob("threshold"))) / 0.38 -
      (0.02 * Math.abs(knob("repetition") - 1.05)) / 0.25,
  );
}
