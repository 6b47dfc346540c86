// What is found out and fixed at start: the connection, the model, and how this server is talked to.
import { type Clock, type Random, systemClock, systemRandom } from "@chimera/kernel";
import type { Logger } from "@chimera/lifecycle";
import type { Sampling } from "../engine.ts";
import { type Dialect, dialectOf } from "./dialect.ts";
import { ModelServer } from "./model-server.ts";
import { findModel, type ServedModel } from "./served-model.ts";
import type { OpenaiSettings } from "./settings.ts";

/** Where neither the server nor the settings tell. */
const ASSUMED_CONTEXT_TOKENS = 4096;

export interface OpenServerOptions extends OpenaiSettings {
  logger: Logger;
  clock?: Clock;
  random?: Random;
}

export interface OpenedServer {
  server: ModelServer;
  model: ServedModel;
  dialect: Dialect;
  contextTokens: number;
  defaults: Sampling;
}

/** Throws as findModel(). */
export async function openServer(options: OpenServerOptions): Promise<OpenedServer> {
  const { logger, openaiUrl, openaiApiKey, openaiModel, clock = systemClock, random = systemRandom } = options;
  const server = new ModelServer({ baseUrl: openaiUrl, apiKey: openaiApiKey });
  try {
    const model = await findModel({
      server,
      model: openaiModel,
      random,
      nowMs: () => clock.nowMs(),
      onRetry: (err, delayMs) =>
        logger.warn({ err, delayMs, url: server.shownUrl }, "the model server is not there yet"),
    });
    const dialect = dialectOf(model.ownedBy);
    const contextTokens = contextTokensOf(model, options);
    const maxTokens = Math.min(options.openaiMaxTokens, contextTokens - 1);
    return { server, model, dialect, contextTokens, defaults: defaultsOf(dialect, maxTokens) };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Temperature and top_p as this API documents them, and always sent; the rest is what the server takes on its own. */
function defaultsOf({ topK, minP }: Dialect, maxTokens: number): Sampling {
  return { temperature: 1, topP: 1, topK, minP, repetitionPenalty: 1, seed: undefined, maxTokens, stop: [] };
}

function contextTokensOf(model: ServedModel, { openaiContextTokens, logger }: OpenServerOptions): number {
  const known = openaiContextTokens ?? model.contextTokens;
  if (known === undefined) {
    const contextTokens = ASSUMED_CONTEXT_TOKENS;
    logger.warn({ contextTokens }, "the model server does not tell its context; set CHIMERA_OPENAI_CONTEXT_TOKENS");
  }
  return known ?? ASSUMED_CONTEXT_TOKENS;
}
