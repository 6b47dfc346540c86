// The cache put together: store, index, policy, answers, events, server. The only wiring.
import { CacheService } from "@chimera/contracts/cache";
import { connectEvents } from "@chimera/events";
import { systemClock, systemRandom } from "@chimera/kernel";
import type { Logger, Service } from "@chimera/lifecycle";
import { limits, openTls, startServer, type Tls } from "@chimera/rpc";
import { meshTlsFiles } from "@chimera/rpc/settings";
import { followSettings } from "@chimera/settings";
import { Answers } from "./answers.ts";
import { applySettings } from "./apply-settings.ts";
import type { CacheConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { ErrorLog } from "./error-log.ts";
import { LeaseTable } from "./flights/lease-table.ts";
import type { Entry } from "./index/entry.ts";
import { EntryIndex } from "./index/entry-index.ts";
import { Maintenance } from "./maintenance.ts";
import { createPolicy } from "./policy/policies.ts";
import { ChangeReporter } from "./report-changes.ts";
import { endFlight } from "./rpc/end-flight.ts";
import { explain } from "./rpc/explain.ts";
import { invalidate } from "./rpc/invalidate.ts";
import { listWarmUps } from "./rpc/list-warm-ups.ts";
import { lookup, rawLookup } from "./rpc/lookup.ts";
import { prune } from "./rpc/prune.ts";
import { saturation } from "./rpc/saturation.ts";
import { stats } from "./rpc/stats.ts";
import { rawStore, store } from "./rpc/store.ts";
import { undoPrune } from "./rpc/undo-prune.ts";
import { warm } from "./rpc/warm.ts";
import { watchStats } from "./rpc/watch-stats.ts";
import { openSemantic } from "./semantic/open.ts";
import { Shadows } from "./shadow/shadows.ts";
import { openStore } from "./store/open-store.ts";
import { openWarmUps } from "./warm-up/open.ts";

/** How much of the hit counts a killed process loses. */
const SAVE_USES_MS = 5000;
/** How long the answers of an earlier process wait for the mesh's settings: those may have more room for them. */
const SETTINGS_MS = 1000;

/** Throws where the store can not be opened or the port is taken. NATS may be away. */
export async function createCache(config: CacheConfig, logger: Logger): Promise<Service> {
  const clock = systemClock;
  const errorLog = new ErrorLog(clock, logger, "the byte store failed, served as a miss");
  const embeddingLog = new ErrorLog(clock, logger, "no embedding, similar questions are not served");
  const { capacityBytes, maxEntries, storeBudgetMs: readBudgetMs } = config;
  const onStoreError = (error: unknown) => errorLog.add(error);
  const byteStore = await openStore(config.store, onStoreError, { readBudgetMs, maxEntries, clock });
  const shared = { capacityBytes, maxEntries, random: systemRandom };
  const shadows = new Shadows({ ...shared, policy: config.policy, rivals: config.shadowPolicies });
  const policy = createPolicy<Entry>(config.policy, shared);
  const index = new EntryIndex({ ...shared, policy, quotas: config.tenantQuotas, observer: shadows });
  const onChange = () => reporter.changed();
  const terms = { ttlMs: config.ttlSeconds * 1000, staleMs: config.staleSeconds * 1000 };
  const semantic = openSemantic(config, systemRandom, (error) => embeddingLog.add(error));
  const answers = new Answers({ index, store: byteStore, clock, ...terms, semantic, onChange });
  const bus = await connectEvents({ url: config.natsUrl, name: config.replica, logger });
  const statistics = () => answers.statistics();
  const { replica } = config;
  const following = followSettings({
    ...{ bus, service: "cache", replica, clock, logger },
    apply: applySettings({ own: config, answers, index, shadows, clock, random: systemRandom }),
  });
  const settingsVersion = () => following.version;
  const reporter = new ChangeReporter({ bus, clock, replica, statistics, settingsVersion });
  const reviewMs = config.reviewSeconds * 1000;
  const maintained = { answers, index, store: byteStore, shadows, semantic, bus, clock };
  const maintenance = new Maintenance({ ...maintained, replica, reviewMs, logger });
  const tls = openTls(meshTlsFiles(config), { logger });
  const { pruner } = maintenance;
  try {
    const warmUp = openWarmUps({ config, answers, index, pruner, bus, tls, clock, random: systemRandom, logger });
    if (byteStore.kind !== "memory") await following.settled(SETTINGS_MS);
    const restored = await answers.restore();
    logger.info({ store: byteStore.kind, ...restored, bytes: index.bytes }, "answers restored");
    if (restored.restored > 0 || byteStore.isShared) await maintenance.hearMissed();
    byteStore.onBack(() => {
      logger.info({ store: byteStore.kind }, "the byte store is back");
      void answers.restore();
    });
    let draining = new AbortController().signal;
    const context: Context = {
      answers,
      leases: new LeaseTable({ clock }),
      storeKind: byteStore.kind,
      index,
      shadows,
      semantic,
      pruner,
      warmUps: warmUp.warmUps,
      warming: warmUp.warming,
      invalidator: maintenance.invalidator,
      signs: () => maintenance.signs(),
      clock,
      draining: () => draining,
    };
    const server = await serve(config, context, { tls, logger });
    draining = server.draining;
    await maintenance.start();
    const saving = setInterval(() => void answers.saveUses(), SAVE_USES_MS);
    saving.unref();
    return {
      address: server.address,
      async drain() {
        await server.drain(config.drainMs);
        clearInterval(saving);
        await warmUp.stop();
        await maintenance.stop();
        await following.stop();
        await answers.saveUses();
        reporter.finish();
      },
      async dispose() {
        clearInterval(saving);
        await warmUp.stop();
        await maintenance.stop();
        await following.stop();
        await server.close();
        tls?.close();
        await byteStore.close();
        await bus.close();
      },
    };
  } catch (error) {
    await following.stop();
    await byteStore.close();
    await bus.close();
    throw error;
  }
}

function serve(
  config: CacheConfig,
  context: Context,
  { tls, logger }: { tls: Tls | undefined; logger: Logger },
): ReturnType<typeof startServer> {
  return startServer({
    name: "cache",
    host: config.host,
    port: config.port,
    services: [CacheService],
    routes: (router) => {
      router.service(CacheService, {
        lookup: lookup(context),
        store: store(context),
        endFlight: endFlight(context),
        stats: stats(context),
        watchStats: watchStats(context, stats(context)),
        explain: explain(context),
        invalidate: invalidate(context),
        saturation: saturation(context),
        prune: prune(context),
        undoPrune: undoPrune(context),
        warm: warm(context),
        listWarmUps: listWarmUps(context),
      });
    },
    raw: [rawLookup(context), rawStore(context)],
    // A prompt and its answer in one message; what can be stored can then also be sent back.
    maxRequestBytes: limits.responseBytes,
    trustedPeers: true,
    tls,
    logger,
  });
}
