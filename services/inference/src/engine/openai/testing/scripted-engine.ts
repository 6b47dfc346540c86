// An engine before a scripted server, and what its tests ask of it.
import { ChimeraError } from "@chimera/kernel";
import { createLogger, readSettings } from "@chimera/lifecycle";
import type { Engine, EngineInput, EngineRequest } from "../../engine.ts";
import { answerOf } from "../../engine-suite.ts";
import { type OpenaiOptions, openOpenaiEngine } from "../openai-engine.ts";
import { fields } from "../settings.ts";
import { DONE, delta, finish, ROLE, type ScriptedServer, stream, usage } from "./scripted-server.ts";

export const KEY = "sk-secret-0123456789";
export const never = new AbortController().signal;
const logger = createLogger("inference-test", "silent");

export interface OpenScripted {
  env?: Record<string, string>;
  options?: Partial<OpenaiOptions>;
}

export function openScripted(server: ScriptedServer, { env, options }: OpenScripted = {}): Promise<Engine> {
  const settings = readSettings("inference", fields, {
    CHIMERA_OPENAI_URL: server.url,
    CHIMERA_OPENAI_API_KEY: KEY,
    CHIMERA_OPENAI_METRICS_URL: "off",
    ...env,
  });
  // Chance at its lower end: the shortest pauses between attempts.
  return openOpenaiEngine({ ...settings, slots: 2, maxQueued: 2, logger, random: () => 0, ...options });
}

export const user = (content: string): EngineInput => ({ kind: "messages", messages: [{ role: "user", content }] });

export const asked = (sampling: EngineRequest["sampling"] = {}): EngineRequest => ({
  input: user("hello there"),
  sampling,
});

/** "ab". */
export const GOOD = stream(ROLE, delta("a"), delta("b"), finish("stop"), usage(12, 3, 8), DONE);

/** The failure that reading one answer ends with. */
export function failureOf(engine: Engine, request: EngineRequest, signal = never): Promise<ChimeraError> {
  return errorOf(answerOf(engine, request, signal));
}

export async function errorOf(promise: Promise<unknown>): Promise<ChimeraError> {
  const error: unknown = await promise.catch((thrown: unknown) => thrown);
  if (error instanceof ChimeraError) return error;
  throw new Error(`expected a failure of ours, got ${String(error)}`);
}

/** Resolves once `condition` holds, looking again whenever the event loop has turned. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

export function untilTokens(engine: Engine, generatedTokens: number): Promise<void> {
  return until(() => engine.describe().generatedTokens >= generatedTokens);
}
