// Wires the inference service: engine first, door second; at the end the door closes first.
import { InferenceService } from "@chimera/contracts/inference";
import type { Logger, Service } from "@chimera/lifecycle";
import { startServer } from "@chimera/rpc";
import type { InferenceConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { createLlamaEngine } from "./engine/llama/llama-engine.ts";
import { describe } from "./rpc/describe.ts";
import { generate } from "./rpc/generate.ts";

/** Throws ModelLoadError where the model can not be served. */
export async function createInference(config: InferenceConfig, logger: Logger): Promise<Service> {
  const { modelPath, slots, contextTokens, threads, maxQueued } = config;
  const engine = await createLlamaEngine({ modelPath, slots, contextTokens, threads, maxQueued, logger });
  const { replica, maxPromptBytes, maxRequestMs } = config;
  const context: Context = { engine, replica, maxPromptBytes, maxRequestMs };
  try {
    const server = await startServer({
      name: "inference",
      host: config.host,
      port: config.port,
      services: [InferenceService],
      routes: (router) =>
        router.service(InferenceService, { generate: generate(context), describe: describe(context) }),
      trustedPeers: true,
      logger,
    });
    logger.info({ replica, ...engine.describe() }, "engine ready");
    return {
      address: server.address,
      drain: () => server.drain(config.drainGraceMs),
      async dispose() {
        await engine.dispose();
        await server.close();
      },
    };
  } catch (error) {
    await engine.dispose();
    throw error;
  }
}
