// Which engine a replica runs, and what of the settings it gets.
import { join } from "node:path";
import { ConfigError, type Logger } from "@chimera/lifecycle";
import { type InferenceConfig, MAX_LLAMA_SLOTS } from "./config.ts";
import type { Engine } from "./engine/engine.ts";
import type { StateSettings } from "./engine/llama/kept-states.ts";
import { createLlamaEngine } from "./engine/llama/llama-engine.ts";
import { openOpenaiEngine } from "./engine/openai/openai-engine.ts";
import { openSimulatedEngine } from "./engine/simulated/simulated-engine.ts";

/** Rejects where the engine can not serve what the settings ask for. */
export async function openEngine(config: InferenceConfig, logger: Logger): Promise<Engine> {
  const { modelPath, slots, maxSlots, contextTokens, threads, maxQueued } = config;
  switch (config.engine) {
    case "llama": {
      refuseTooManySlots(slots);
      const states = stateSettings(config);
      return createLlamaEngine({ modelPath, slots, maxSlots, contextTokens, threads, maxQueued, states, logger });
    }
    case "openai":
      return openOpenaiEngine({ ...config, logger });
    case "simulated":
      return openSimulatedEngine({ settings: config, slots, maxQueued, contextTokens, logger });
  }
}

function refuseTooManySlots(slots: number): void {
  if (slots <= MAX_LLAMA_SLOTS) return;
  throw new ConfigError(
    `INFERENCE_SLOTS = ${slots}, and the llama engine can have ${MAX_LLAMA_SLOTS} at most. Set a smaller number and run more replicas.`,
  );
}

function stateSettings({ stateDir, stateBytes, dataDir }: InferenceConfig): StateSettings | undefined {
  if (stateDir === "off" || stateBytes === 0) return undefined;
  return { folder: stateDir ?? join(dataDir, "prefix-states"), maxBytes: stateBytes };
}
