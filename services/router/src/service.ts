// Wires the router: the only place that knows all of its parts.
import { randomUUID } from "node:crypto";
import { CacheService } from "@chimera/contracts/cache";
import { RouterService } from "@chimera/contracts/router";
import { connectEvents } from "@chimera/events";
import { systemClock, systemRandom } from "@chimera/kernel";
import { ConfigError, type Logger, type Service } from "@chimera/lifecycle";
import { connectClient, startServer } from "@chimera/rpc";
import type { RouterConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { Stats } from "./measure/stats.ts";
import { openaiDoor } from "./openai/door.ts";
import { cacheDoor } from "./path/cache-door.ts";
import { tenantResolver } from "./path/tenant.ts";
import { ReplicaPool } from "./replica/replica-pool.ts";
import { chatRpc } from "./rpc/chat.ts";
import { generateRpc } from "./rpc/generate.ts";
import { watchStatsRpc } from "./rpc/watch-stats.ts";

/** Bodies may be larger than prompts, so that a prompt that is too long is refused by name. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;

export async function createRouter(config: RouterConfig, logger: Logger): Promise<Service> {
  refuseOpenDoor(config);
  const cacheRpc = connectClient(CacheService, config.cacheUrl);
  const replicas = new ReplicaPool({
    urls: config.inferenceUrls,
    random: systemRandom,
    clock: systemClock,
    onChange: ({ name, reachable, description }) =>
      logger.info({ replica: name, reachable, model: description?.model }, "replica changed"),
  });
  const events = await connectEvents({ url: config.natsUrl, name: config.name, logger });
  events.listen({
    kinds: ["loadReported"],
    handle: (event) => void (event.kind === "loadReported" && replicas.note(event.message)),
  });
  let draining = new AbortController().signal;
  const context: Context = {
    config,
    clock: systemClock,
    logger,
    cache: cacheDoor({
      client: cacheRpc.client,
      budgetMs: config.cacheBudgetMs,
      monotonicMs: systemClock.monotonicMs,
      onFailure: cacheFailureLog(logger),
    }),
    replicas,
    tenants: tenantResolver(config.apiKeys),
    events,
    stats: new Stats(systemClock),
    newId: randomUUID,
    draining: () => draining,
  };
  await replicas.start();
  const server = await startServer({
    name: "router",
    host: config.host,
    port: config.port,
    services: [RouterService],
    maxRequestBytes: MAX_REQUEST_BYTES,
    logger,
    routes: (router) =>
      void router.service(RouterService, {
        generate: generateRpc(context),
        chat: chatRpc(context),
        watchStats: watchStatsRpc(context),
      }),
    isReady: () => replicas.models.length > 0,
    fallback: openaiDoor(context),
  });
  draining = server.draining;
  return {
    address: server.address,
    drain: () => server.drain(config.drainGraceS * 1000),
    async dispose() {
      await server.close();
      replicas.close();
      cacheRpc.close();
      await events.close();
    },
  };
}

const LOG_EVERY_MS = 10_000;

/** A cache that is away fails every request; one line in ten seconds says so. */
function cacheFailureLog(logger: Logger) {
  let count = 0;
  let quietUntilMs = 0;
  return (error: unknown, during: "lookup" | "store") => {
    count += 1;
    const nowMs = systemClock.monotonicMs();
    if (nowMs < quietUntilMs) return;
    quietUntilMs = nowMs + LOG_EVERY_MS;
    const reason = error instanceof Error ? error.message : String(error);
    logger.warn({ reason, during, failures: count }, "cache failed, served without it");
    count = 0;
  };
}

function refuseOpenDoor(config: RouterConfig): void {
  const local = /^(127\.|localhost$|::1$)/.test(config.host);
  if (local || config.apiKeys.length > 0 || config.allowAnonymous) return;
  throw new ConfigError(
    `ROUTER_HOST = ${config.host} is reachable from other machines, and ROUTER_API_KEYS is not set: anyone could use any ` +
      "tenant. Set ROUTER_API_KEYS, or ROUTER_ALLOW_ANONYMOUS=true where something in front checks who calls.",
  );
}
