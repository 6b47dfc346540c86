// Wires the router: the only place that knows all of its parts.
import { randomUUID } from "node:crypto";
import { RouterService } from "@chimera/contracts/router";
import { connectEvents } from "@chimera/events";
import { systemClock, systemRandom } from "@chimera/kernel";
import type { Logger, Service } from "@chimera/lifecycle";
import { openTls, RawChannel, startServer } from "@chimera/rpc";
import { connectionLimits, doorTlsFiles, meshTlsFiles } from "@chimera/rpc/settings";
import { followSettings } from "@chimera/settings";
import { Admission } from "./admission/admission.ts";
import type { AdmissionLimits } from "./admission/tenant-limits.ts";
import type { RouterConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { RecentQuantile } from "./measure/recent-quantile.ts";
import { Stats } from "./measure/stats.ts";
import { openaiDoor } from "./openai/door.ts";
import { cacheDoor } from "./path/cache-door.ts";
import { Flights } from "./path/flights.ts";
import { Refreshes } from "./path/refreshes.ts";
import { Peers } from "./relay/peers.ts";
import { rawRelay } from "./relay/raw-relay.ts";
import { openDescriber } from "./replica/describer.ts";
import { ReplicaPool } from "./replica/replica-pool.ts";
import { RetryBudget } from "./replica/retry-budget.ts";
import { chatRpc } from "./rpc/chat.ts";
import { followRaw } from "./rpc/follow-raw.ts";
import { generateRpc } from "./rpc/generate.ts";
import { generateRaw } from "./rpc/generate-raw.ts";
import { watchStatsRpc } from "./rpc/watch-stats.ts";
import { applySettings } from "./settings/apply.ts";
import { LiveSettings } from "./settings/live-settings.ts";
import { openTenants } from "./tenant/index.ts";

/** Bodies may be larger than prompts, so that a prompt that is too long is refused by name. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;

/** How long a start waits for the mesh's settings, so that the first request is served by them already. */
const SETTINGS_MS = 1000;

export async function createRouter(config: RouterConfig, logger: Logger): Promise<Service> {
  const tenants = openTenants(config, { host: config.host, clock: systemClock, logger });
  const tls = openTls(meshTlsFiles(config), { logger });
  const doorTls = openTls(doorTlsFiles(config), { logger });
  const cacheChannel = new RawChannel(config.cacheUrl, { tls });
  const replicas = new ReplicaPool({
    urls: config.inferenceUrls,
    policy: config.policy,
    random: systemRandom,
    clock: systemClock,
    openRelay: (url) => rawRelay(url, { tls }),
    openDescriber: (url) => openDescriber(url, { tls }),
    onChange: ({ name, reachable, description }) =>
      logger.info({ replica: name, reachable, model: description?.model }, "replica changed"),
  });
  const events = await connectEvents({ url: config.natsUrl, name: config.name, logger });
  events.listen({
    kinds: ["loadReported"],
    handle: (event) => void (event.kind === "loadReported" && replicas.note(event.message)),
  });
  const limits = limitsOf(config);
  const admission = new Admission({ clock: systemClock, random: systemRandom, limits });
  const settings = new LiveSettings();
  replicas.onRoom((model) => admission.poke(model));
  const peers = new Peers({ tls });
  let draining = new AbortController().signal;
  const context: Context = {
    config,
    clock: systemClock,
    logger,
    tenants,
    admission,
    cache: cacheDoor({
      channel: cacheChannel,
      budgetMs: config.cacheBudgetMs,
      monotonicMs: systemClock.monotonicMs,
      onFailure: cacheFailureLog(logger),
    }),
    replicas,
    settings,
    retryBudget: new RetryBudget(systemClock),
    flights: new Flights(),
    peers,
    refreshes: new Refreshes(),
    ttfts: new RecentQuantile(),
    events,
    stats: new Stats(systemClock, () => admission.queued),
    newId: randomUUID,
    draining: () => draining,
  };
  const following = followSettings({
    ...{ bus: events, service: "router", replica: config.name, clock: systemClock, logger },
    apply: applySettings({ own: { policy: config.policy, limits }, replicas, admission, settings }),
  });
  await Promise.all([replicas.start(), following.settled(SETTINGS_MS)]);
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
    raw: [generateRaw(context), followRaw(context)],
    limits: connectionLimits(config),
    corsOrigins: config.corsOrigins,
    tls: doorTls,
    isReady: () => replicas.models.length > 0,
    fallback: openaiDoor(context),
  });
  draining = server.draining;
  peers.url = peerUrlOf(config, { port: server.port, isPlain: doorTls === undefined });
  return {
    address: server.address,
    drain: () => server.drain(config.drainGraceS * 1000),
    async dispose() {
      await server.close();
      replicas.close();
      peers.close();
      cacheChannel.close();
      tenants.close();
      tls?.close();
      doorTls?.close();
      await following.stop();
      await events.close();
    },
  };
}

function limitsOf({ maxInFlight, maxQueued, maxWaitMs, batchWeight, tenantLimits }: RouterConfig): AdmissionLimits {
  return { maxInFlight, maxQueued, maxWaitMs, batchWeight, tenants: tenantLimits };
}

/** An address that means any of a machine's own says nothing to others. */
const ANY_ADDRESS = new Set(["0.0.0.0", "::"]);

function peerUrlOf({ peerUrl, host }: RouterConfig, { port, isPlain }: { port: number; isPlain: boolean }) {
  if (peerUrl !== undefined) return peerUrl === "off" ? undefined : peerUrl;
  if (!isPlain || ANY_ADDRESS.has(host)) return undefined;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

const LOG_EVERY_MS = 10_000;

/** A cache that is away fails every request; one line in ten seconds says so. */
function cacheFailureLog(logger: Logger) {
  let count = 0;
  let quietUntilMs = 0;
  return (error: unknown, during: string) => {
    count += 1;
    const nowMs = systemClock.monotonicMs();
    if (nowMs < quietUntilMs) return;
    quietUntilMs = nowMs + LOG_EVERY_MS;
    const reason = error instanceof Error ? error.message : String(error);
    logger.warn({ reason, during, failures: count }, "cache failed, served without it");
    count = 0;
  };
}
