// Finds out at start what the server serves, so that a wrong address, key or model is one clear sentence at start and not a
// failure of every request.
import { createHash } from "node:crypto";
import { ChimeraError, FailedPreconditionError, type Random, UnavailableError } from "@chimera/kernel";
import { z } from "zod";
import { connectionFailure, refusalOf } from "./failure.ts";
import type { ModelServer } from "./model-server.ts";
import { withRetries } from "./retry.ts";
import { retryAfterMs } from "./retry-after.ts";

/** With growing pauses between them, about six seconds. */
const START_RETRIES = 5;
const ATTEMPT_TIMEOUT_MS = 10_000;
/** Names that an error lists. */
const MAX_NAMED = 10;

const whole = z.number().int().positive().optional().catch(undefined);
const listed = z.object({
  id: z.string(),
  owned_by: z.string().catch(""),
  root: z.string().optional().catch(undefined),
  aliases: z.array(z.string()).catch([]),
  // vLLM and SGLang; llama.cpp.
  max_model_len: whole,
  meta: z.object({ n_ctx: whole, n_params: whole, size: whole }).optional().catch(undefined),
});
const listSchema = z.object({ data: z.array(listed) });
type Listed = z.output<typeof listed>;

export interface ServedModel {
  /** As requests name it. */
  id: string;
  ownedBy: string;
  /** First 16 hex digits of the SHA-256 of address, model and what the server says it is. */
  version: string;
  /** Undefined where the server does not tell. */
  contextTokens: number | undefined;
}

export interface FindModelOptions {
  server: ModelServer;
  model: string | undefined;
  random: Random;
  nowMs(): number;
  onRetry(error: ChimeraError, delayMs: number): void;
}

/** Throws UnavailableError where the server stays away, FailedPreconditionError where it can not be used as it is set up. */
export async function findModel(options: FindModelOptions): Promise<ServedModel> {
  const { server, random, onRetry } = options;
  const signal = new AbortController().signal;
  const mayRetry = (error: ChimeraError) => error.isRetryable;
  try {
    const models = await withRetries(() => listModels(options), {
      retries: START_RETRIES,
      random,
      signal,
      mayRetry,
      onRetry,
    });
    return choose(models, options);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const message = `${server.shownUrl}: ${said}. ${remedyFor(error)}`;
    if (error instanceof ChimeraError && error.isRetryable) throw new UnavailableError(message, { cause: error });
    throw new FailedPreconditionError(message, { cause: error });
  }
}

function remedyFor(error: unknown): string {
  if (error instanceof ChimeraError && error.isRetryable) return "Start the server, or correct CHIMERA_OPENAI_URL";
  return "Check CHIMERA_OPENAI_URL (it usually ends in /v1), CHIMERA_OPENAI_MODEL and CHIMERA_OPENAI_API_KEY";
}

async function listModels({ server, nowMs }: FindModelOptions): Promise<Listed[]> {
  const response = await server.getText("/models", AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)).catch((error: unknown) => {
    throw connectionFailure(error);
  });
  if (response.statusCode !== 200) {
    const text = server.withoutKey(response.text);
    const afterMs = retryAfterMs(response.headers["retry-after"], nowMs());
    const request = { inputKind: "messages", contextTokens: 0 } as const;
    if (response.statusCode === 404) throw new FailedPreconditionError("has no /models");
    throw refusalOf({ status: response.statusCode, text, retryAfterMs: afterMs }, request);
  }
  const parsed = listSchema.safeParse(parseJson(response.text));
  if (!parsed.success) throw new FailedPreconditionError("answered /models with something that is no list of models");
  return parsed.data.data;
}

function choose(models: readonly Listed[], { server, model }: FindModelOptions): ServedModel {
  const found =
    model === undefined
      ? models.length === 1 && models[0]
      : models.find(({ id, aliases }) => id === model || aliases.includes(model));
  if (found) return served(found, server);
  const names = models.slice(0, MAX_NAMED).map(({ id }) => id);
  const more = models.length > MAX_NAMED ? ` and ${models.length - MAX_NAMED} more` : "";
  const has = models.length === 0 ? "no model" : `${names.join(", ")}${more}`;
  const wanted = model === undefined ? "CHIMERA_OPENAI_MODEL has to name one" : `${JSON.stringify(model)} is not there`;
  throw new FailedPreconditionError(`the server has ${has}; ${wanted}`);
}

function served({ id, owned_by, root, max_model_len, meta }: Listed, server: ModelServer): ServedModel {
  const identity = JSON.stringify([server.shownUrl, id, owned_by, root, meta?.n_params, meta?.size]);
  return {
    id,
    ownedBy: owned_by,
    version: createHash("sha256").update(identity).digest("hex").slice(0, 16),
    contextTokens: max_model_len ?? meta?.n_ctx,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
