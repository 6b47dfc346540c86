// Settings of the simulated engine, and what they make of its parameters.
import { type SettingValues, setting } from "@chimera/lifecycle";
import { z } from "zod";
import { DEFAULT_PARAMETERS, type SimulationParameters } from "./parameters.ts";

const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const decimal = (min: number, max: number) => z.coerce.number().min(min).max(max);
const { cost, ...sizes } = DEFAULT_PARAMETERS;
const DAY_MS = 86_400_000;

export const fields = {
  simulatedModel: setting(
    "CHIMERA_SIMULATED_MODEL",
    'Name of the simulated model; it is served as "simulated/NAME"',
    z.string().min(1).default("gpu-8b"),
  ),
  simulatedTimeScale: setting(
    "CHIMERA_SIMULATED_TIME_SCALE",
    "How many times faster than simulated it runs",
    decimal(0.001, 1000).default(1),
  ),
  simulatedSeed: setting(
    "CHIMERA_SIMULATED_SEED",
    "Decides drift and failures; answers do not depend on it",
    whole(0, 2 ** 32 - 1).default(1),
  ),
  simulatedAnswerTokens: setting(
    "CHIMERA_SIMULATED_ANSWER_TOKENS",
    "Mean tokens of an answer that nothing else ends",
    whole(1, 1_048_576).default(128),
  ),
  simulatedStepMs: setting("CHIMERA_SIMULATED_STEP_MS", "ms of a step", decimal(0, 60_000).default(cost.stepMs)),
  simulatedSequenceMs: setting(
    "CHIMERA_SIMULATED_SEQUENCE_MS",
    "ms of a step per sequence in it",
    decimal(0, 60_000).default(cost.sequenceMs),
  ),
  simulatedPrefillTokenMs: setting(
    "CHIMERA_SIMULATED_PREFILL_TOKEN_MS",
    "ms of a step per prompt token in it",
    decimal(0, 60_000).default(cost.prefillTokenMs),
  ),
  simulatedContext100kMs: setting(
    "CHIMERA_SIMULATED_CONTEXT_100K_MS",
    "ms of a step per 100,000 tokens of context of its sequences",
    decimal(0, 60_000).default(cost.context100kMs),
  ),
  simulatedPromptMs: setting(
    "CHIMERA_SIMULATED_PROMPT_MS",
    "ms of a step per prompt that begins in it",
    decimal(0, 60_000).default(cost.promptMs),
  ),
  simulatedTokeniseMs: setting(
    "CHIMERA_SIMULATED_TOKENISE_MS",
    "ms to prepare a request, one after the other",
    decimal(0, 60_000).default(sizes.tokeniseMs),
  ),
  simulatedTokeniseTokenMs: setting(
    "CHIMERA_SIMULATED_TOKENISE_TOKEN_MS",
    "The same per prompt token",
    decimal(0, 60_000).default(sizes.tokeniseTokenMs),
  ),
  simulatedSerialiseTokenMs: setting(
    "CHIMERA_SIMULATED_SERIALISE_TOKEN_MS",
    "ms a step takes longer per token it draws",
    decimal(0, 60_000).default(sizes.serialiseTokenMs),
  ),
  simulatedCleanUpMs: setting(
    "CHIMERA_SIMULATED_CLEAN_UP_MS",
    "ms after the end of a request in which no step begins",
    decimal(0, 60_000).default(sizes.cleanUpMs),
  ),
  simulatedStepTokens: setting(
    "CHIMERA_SIMULATED_STEP_TOKENS",
    "Token budget of a step",
    whole(1, 1_048_576).default(sizes.stepTokens),
  ),
  simulatedJoinDelaySteps: setting(
    "CHIMERA_SIMULATED_JOIN_DELAY_STEPS",
    "Steps that begin before a request that came during one is taken in",
    whole(0, 100).default(sizes.joinDelaySteps),
  ),
  simulatedKvBlocks: setting(
    "CHIMERA_SIMULATED_KV_BLOCKS",
    "Blocks of KV memory",
    whole(1, 16_777_216).default(sizes.kvBlocks),
  ),
  simulatedKvBlockTokens: setting(
    "CHIMERA_SIMULATED_KV_BLOCK_TOKENS",
    "Tokens of one block",
    whole(1, 4096).default(sizes.kvBlockTokens),
  ),
  simulatedColdStartMs: setting(
    "CHIMERA_SIMULATED_COLD_START_MS",
    "Simulated ms to load the model before the service is ready",
    decimal(0, DAY_MS).default(sizes.coldStartMs),
  ),
  simulatedDriftSd: setting(
    "CHIMERA_SIMULATED_DRIFT",
    "Relative standard deviation of the speed as it drifts, 0 is steady",
    decimal(0, 2).default(sizes.driftSd),
  ),
  simulatedDriftTimeMs: setting(
    "CHIMERA_SIMULATED_DRIFT_TIME_MS",
    "Simulated ms over which the drift forgets where it was",
    decimal(1, DAY_MS).default(sizes.driftTimeMs),
  ),
  simulatedStallEveryMs: setting(
    "CHIMERA_SIMULATED_STALL_EVERY_MS",
    "Mean ms of computing between two stalls, 0 is none",
    decimal(0, DAY_MS).default(sizes.stallEveryMs),
  ),
  simulatedStallMs: setting(
    "CHIMERA_SIMULATED_STALL_MS",
    "Mean ms of a stall",
    decimal(0, DAY_MS).default(sizes.stallMs),
  ),
  simulatedFailureShare: setting(
    "CHIMERA_SIMULATED_FAILURE_SHARE",
    "Share of requests that fail before their first token",
    decimal(0, 1).default(sizes.failureShare),
  ),
  simulatedDisconnectShare: setting(
    "CHIMERA_SIMULATED_DISCONNECT_SHARE",
    "Share of requests that break off in the middle of the answer",
    decimal(0, 1).default(sizes.disconnectShare),
  ),
};

export type SimulatedSettings = SettingValues<typeof fields>;

/** Slots and queue are settings of every engine. */
export function parametersOf(
  settings: SimulatedSettings,
  limits: { slots: number; maxQueued: number },
): SimulationParameters {
  return {
    cost: {
      stepMs: settings.simulatedStepMs,
      sequenceMs: settings.simulatedSequenceMs,
      prefillTokenMs: settings.simulatedPrefillTokenMs,
      context100kMs: settings.simulatedContext100kMs,
      promptMs: settings.simulatedPromptMs,
    },
    tokeniseMs: settings.simulatedTokeniseMs,
    tokeniseTokenMs: settings.simulatedTokeniseTokenMs,
    serialiseTokenMs: settings.simulatedSerialiseTokenMs,
    cleanUpMs: settings.simulatedCleanUpMs,
    stepTokens: settings.simulatedStepTokens,
    slots: limits.slots,
    maxQueued: limits.maxQueued,
    joinDelaySteps: settings.simulatedJoinDelaySteps,
    kvBlocks: settings.simulatedKvBlocks,
    kvBlockTokens: settings.simulatedKvBlockTokens,
    coldStartMs: settings.simulatedColdStartMs,
    driftSd: settings.simulatedDriftSd,
    driftTimeMs: settings.simulatedDriftTimeMs,
    stallEveryMs: settings.simulatedStallEveryMs,
    stallMs: settings.simulatedStallMs,
    failureShare: settings.simulatedFailureShare,
    disconnectShare: settings.simulatedDisconnectShare,
  };
}
