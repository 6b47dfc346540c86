// Wires the inference service: engine first, door second, load reports last; at the end the other way round.
import { InferenceService } from "@chimera/contracts/inference";
import { connectEvents } from "@chimera/events";
import { systemClock } from "@chimera/kernel";
import type { Logger, Service } from "@chimera/lifecycle";
import { openTls, startServer, type Tls } from "@chimera/rpc";
import { meshTlsFiles } from "@chimera/rpc/settings";
import { followSettings } from "@chimera/settings";
import type { InferenceConfig } from "./config.ts";
import type { Context } from "./context.ts";
import type { Engine } from "./engine/engine.ts";
import { openEngine } from "./open-engine.ts";
import { publicUrl } from "./public-url.ts";
import { reportLoad } from "./report-load.ts";
import { describe } from "./rpc/describe.ts";
import { generate } from "./rpc/generate.ts";
import { generateRaw } from "./rpc/generate-raw.ts";
import { setLimits } from "./rpc/set-limits.ts";
import { warmPrefix } from "./rpc/warm-prefix.ts";
import { watchLoad } from "./rpc/watch-load.ts";

/** Throws where the engine can not serve (ModelLoadError for a model), or the port is taken. */
export async function createInference(config: InferenceConfig, logger: Logger): Promise<Service> {
  const tls = openTls(meshTlsFiles(config), { logger });
  const engine = await openEngine(config, logger);
  try {
    return await serve({ config, engine, tls, logger });
  } catch (error) {
    await engine.dispose();
    throw error;
  }
}

interface Parts {
  config: InferenceConfig;
  engine: Engine;
  tls: Tls | undefined;
  logger: Logger;
}

async function serve({ config, engine, tls, logger }: Parts): Promise<Service> {
  const { replica, maxPromptBytes, maxRequestMs } = config;
  let draining = new AbortController().signal;
  const context: Context = { engine, logger, replica, maxPromptBytes, maxRequestMs, draining: () => draining };
  const server = await startServer({
    name: "inference",
    host: config.host,
    port: config.port,
    services: [InferenceService],
    routes: (router) =>
      router.service(InferenceService, {
        generate: generate(context),
        describe: describe(context),
        warmPrefix: warmPrefix(context),
        watchLoad: watchLoad(context),
        setLimits: setLimits(context),
      }),
    raw: [generateRaw(context)],
    trustedPeers: true,
    tls,
    logger,
  });
  draining = server.draining;
  const url = publicUrl(config, server.port);
  const bus = await connectEvents({ url: config.natsUrl, name: replica, logger });
  const following = followSettings({
    ...{ bus, service: "inference", replica, clock: systemClock, logger },
    apply({ inference }) {
      const { slots = config.slots, maxQueued = config.maxQueued } = inference ?? {};
      engine.setLimits({ slots, maxQueued });
    },
  });
  const settingsVersion = () => following.version;
  const reporting = reportLoad({ engine, bus, clock: systemClock, replica, url, settingsVersion, logger });
  logger.info({ replica, url, ...engine.describe() }, "engine ready");
  return {
    address: server.address,
    async drain() {
      // Routers must not find a replica that refuses them.
      await reporting.stop();
      await server.drain(config.drainGraceMs);
    },
    async dispose() {
      await reporting.stop();
      await following.stop();
      await engine.dispose();
      await server.close();
      tls?.close();
      await bus.close();
    },
  };
}
