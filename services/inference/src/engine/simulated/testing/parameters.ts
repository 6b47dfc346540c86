// Parameters in numbers that can be followed by hand.
import { DEFAULT_PARAMETERS, type SimulationParameters, type StepCost } from "../parameters.ts";

type Changes = Partial<Omit<SimulationParameters, "cost">> & { cost?: Partial<StepCost> };

/** 10 ms a step, nothing else costs; 4-token blocks, more than enough of them. */
export function plainParameters({ cost, ...changes }: Changes = {}): SimulationParameters {
  return {
    ...DEFAULT_PARAMETERS,
    cost: { stepMs: 10, sequenceMs: 0, prefillTokenMs: 0, context100kMs: 0, promptMs: 0, ...cost },
    tokeniseMs: 0,
    tokeniseTokenMs: 0,
    serialiseTokenMs: 0,
    stepTokens: 64,
    slots: 8,
    maxQueued: 100,
    kvBlocks: 1000,
    kvBlockTokens: 4,
    ...changes,
  };
}
