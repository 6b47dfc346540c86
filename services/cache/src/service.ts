// The cache put together: store, index, policy, answers, events, server. The only wiring.
import { CacheService } from "@chimera/contracts/cache";
import { connectEvents } from "@chimera/events";
import { systemClock } from "@chimera/kernel";
import type { Logger, Service } from "@chimera/lifecycle";
import { limits, openTls, startServer } from "@chimera/rpc";
import { meshTlsFiles } from "@chimera/rpc/settings";
import { Answers } from "./answers.ts";
import type { CacheConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { EntryIndex } from "./index/entry-index.ts";
import { LruPolicy } from "./policy/lru.ts";
import { ChangeReporter } from "./report-changes.ts";
import { lookup, rawLookup } from "./rpc/lookup.ts";
import { stats } from "./rpc/stats.ts";
import { rawStore, store } from "./rpc/store.ts";
import { openStore } from "./store/open-store.ts";
import { StoreErrorLog } from "./store-error-log.ts";

/** How much of the hit counts a killed process loses. */
const SAVE_USES_MS = 5000;

/** Throws where the store can not be opened or the port is taken. NATS may be away. */
export async function createCache(config: CacheConfig, logger: Logger): Promise<Service> {
  const clock = systemClock;
  const errorLog = new StoreErrorLog(clock, logger);
  const byteStore = await openStore(config.store, (error) => errorLog.add(error));
  const { capacityBytes, maxEntries } = config;
  const index = new EntryIndex({ capacityBytes, maxEntries, policy: new LruPolicy() });
  const onChange = () => reporter.changed();
  const terms = { ttlMs: config.ttlSeconds * 1000, staleMs: config.staleSeconds * 1000 };
  const answers = new Answers({ index, store: byteStore, clock, ...terms, onChange });
  const bus = await connectEvents({ url: config.natsUrl, name: config.replica, logger });
  const statistics = () => answers.statistics();
  const reporter = new ChangeReporter({ bus, clock, replica: config.replica, statistics });
  try {
    const restored = await answers.restore();
    logger.info({ store: byteStore.kind, ...restored, bytes: index.bytes }, "answers restored");
    const context: Context = { answers, storeKind: byteStore.kind };
    const server = await serve(config, context, logger);
    const saving = setInterval(() => void answers.saveUses(), SAVE_USES_MS);
    saving.unref();
    return {
      address: server.address,
      async drain() {
        await server.drain(config.drainMs);
        clearInterval(saving);
        await answers.saveUses();
        reporter.finish();
      },
      async dispose() {
        clearInterval(saving);
        await server.close();
        await byteStore.close();
        await bus.close();
      },
    };
  } catch (error) {
    await byteStore.close();
    await bus.close();
    throw error;
  }
}

function serve(config: CacheConfig, context: Context, logger: Logger): ReturnType<typeof startServer> {
  return startServer({
    name: "cache",
    host: config.host,
    port: config.port,
    services: [CacheService],
    routes: (router) => {
      router.service(CacheService, { lookup: lookup(context), store: store(context), stats: stats(context) });
    },
    raw: [rawLookup(context), rawStore(context)],
    // A prompt and its answer in one message; what can be stored can then also be sent back.
    maxRequestBytes: limits.responseBytes,
    trustedPeers: true,
    tls: openTls(meshTlsFiles(config), { logger }),
    logger,
  });
}
