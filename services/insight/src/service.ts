// Wires insight together: events in, reports out.
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { CacheService } from "@chimera/contracts/cache";
import { InsightService } from "@chimera/contracts/insight";
import { connectEvents, type EventBus } from "@chimera/events";
import { systemClock } from "@chimera/kernel";
import type { Logger, Service } from "@chimera/lifecycle";
import { connectClient, openTls, startServer } from "@chimera/rpc";
import { doorTlsFiles, meshTlsFiles } from "@chimera/rpc/settings";
import { openSettings } from "@chimera/settings";
import { cachePort } from "./act/cache-port.ts";
import { MeshAct } from "./act/mesh-act.ts";
import { Roster } from "./act/roster.ts";
import { SettingsAct } from "./act/settings-act.ts";
import type { InsightConfig } from "./config.ts";
import { consumedKinds, takeEvent } from "./consume/consume.ts";
import { createRecords, type Records } from "./consume/records.ts";
import type { LoopContext } from "./context.ts";
import { reportPages } from "./http/report-pages.ts";
import { announcementOf } from "./ledger/announce.ts";
import { Ledger } from "./ledger/ledger.ts";
import { Mirror } from "./ledger/mirror.ts";
import { autopilot } from "./loop/autopilot.ts";
import { Loop } from "./loop/loop.ts";
import { trafficOf } from "./loop/traffic.ts";
import { advisor } from "./observe/advise.ts";
import { CapacityLog } from "./observe/capacity.ts";
import { hearMesh } from "./observe/hear-mesh.ts";
import { Offers } from "./observe/offers.ts";
import { apply } from "./rpc/apply.ts";
import { getReport } from "./rpc/get-report.ts";
import { listLedger } from "./rpc/list-ledger.ts";
import { listRecommendations } from "./rpc/list-recommendations.ts";
import { rollback } from "./rpc/rollback.ts";
import { watchReport } from "./rpc/watch-report.ts";

/** Rejects with the system's error where the port is taken. Serves before NATS can be reached, with what it has. */
export async function createInsight(config: InsightConfig, logger: Logger): Promise<Service> {
  const records = createRecords({ maxRequests: config.maxRequests });
  const bus = await connectEvents({ url: config.natsUrl, name: "insight", logger });
  const ledger = ledgerOn(bus, config, logger);
  const { context, hearing, endStreams, stopLoop } = loopOn({ bus, records, ledger, config, logger });
  const server = await startServer({
    name: "insight",
    host: config.host,
    port: config.port,
    services: [InsightService],
    routes: (router) =>
      router.service(InsightService, {
        getReport: getReport(context),
        watchReport: watchReport(context),
        listRecommendations: listRecommendations(context),
        apply: apply(context),
        rollback: rollback(context),
        listLedger: listLedger(context),
      }),
    fallback: reportPages(context, (error) => logger.error({ err: error }, "a report page failed")),
    // Its pages are for browsers, which have no certificate of the mesh.
    tls: openTls(doorTlsFiles(config), { logger }),
    logger,
  }).catch(async (error: unknown) => {
    await stopLoop();
    await bus.close();
    throw error;
  });
  const consumption = await bus.follow({
    kinds: consumedKinds,
    handle: (received) => {
      hearing.take(received.event);
      takeEvent(records, received, systemClock);
    },
  });
  const listening = bus.listen({ kinds: ["loadReported"], handle: (event) => hearing.take(event) });
  context.loop.resume();
  return {
    address: server.address,
    drain() {
      endStreams();
      return server.drain(config.drainGraceMs);
    },
    async dispose() {
      await stopLoop();
      await listening.stop();
      await consumption.stop();
      await bus.close();
      await server.close();
    },
  };
}

/** Between two looks at whether the stream has been read up to its end. */
const HISTORY_POLL_MS = 2000;

interface LoopParts {
  bus: EventBus;
  records: Records;
  ledger: Ledger;
  config: InsightConfig;
  logger: Logger;
}

/** Everything that recommends and changes. Does nothing by itself before `resume`. */
function loopOn({ bus, records, ledger, config, logger }: LoopParts) {
  const [clock, { mode }] = [systemClock, config];
  const sleep = async (ms: number, signal?: AbortSignal) => setTimeout(ms, undefined, { ...(signal && { signal }) });
  const roster = new Roster(clock);
  const capacity = new CapacityLog(clock);
  const connection = connectClient(CacheService, config.cacheUrl, { tls: openTls(meshTlsFiles(config), { logger }) });
  const cache = cachePort(connection);
  const act = new MeshAct(new SettingsAct({ store: openSettings(bus, clock), roster, clock, sleep }), cache);
  const caughtUp = async (signal: AbortSignal) => {
    do await sleep(HISTORY_POLL_MS, signal);
    while (records.intake.lost(clock.nowMs()) === undefined);
  };
  const loop = new Loop({ ledger, act, traffic: trafficOf(records.requests), clock, sleep, caughtUp, logger });
  const offers = new Offers(clock);
  const advise = advisor({ records, ledger, cache, capacity, clock }, loop, offers);
  const [end, leave] = [new AbortController(), new AbortController()];
  const context: LoopContext = {
    ...{ records, ledger, loop, offers, advise, mode, clock, sleep },
    reportInput: () => ({ recommendations: offers.last }),
    machine: config.machine,
    ended: leave.signal,
  };
  const flying = autopilot(
    {
      ...{ mode, loop, ledger, clock, sleep, logger },
      recommend: async () => (await advise()).recommended,
      coolDownMs: 1000 * config.coolDownS,
    },
    end.signal,
  );
  const stopLoop = async () => {
    end.abort();
    await loop.stop();
    await flying;
    connection.close();
  };
  return { context, hearing: hearMesh({ roster, capacity }), endStreams: () => leave.abort(), stopLoop };
}

/** Its stream is read and made when it is first asked. */
function ledgerOn(bus: EventBus, { dataDir }: InsightConfig, logger: Logger): Ledger {
  return new Ledger({
    log: bus.openLog("LEDGER"),
    ...(dataDir !== undefined && { mirror: new Mirror(join(dataDir, "ledger.jsonl")) }),
    clock: systemClock,
    logger,
    announce: (record) => {
      const announcement = announcementOf(record);
      if (announcement !== undefined) bus.publish(announcement.event, announcement.id);
    },
  });
}
