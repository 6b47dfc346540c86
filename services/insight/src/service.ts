// Wires insight together: events in, reports out.
import { join } from "node:path";
import { InsightService } from "@chimera/contracts/insight";
import { connectEvents, type EventBus } from "@chimera/events";
import { systemClock } from "@chimera/kernel";
import type { Logger, Service } from "@chimera/lifecycle";
import { openTls, startServer } from "@chimera/rpc";
import { doorTlsFiles } from "@chimera/rpc/settings";
import type { InsightConfig } from "./config.ts";
import { consumedKinds, takeEvent } from "./consume/consume.ts";
import { createRecords } from "./consume/records.ts";
import type { Context } from "./context.ts";
import { reportPages } from "./http/report-pages.ts";
import { announcementOf } from "./ledger/announce.ts";
import { Ledger } from "./ledger/ledger.ts";
import { Mirror } from "./ledger/mirror.ts";
import { getReport } from "./rpc/get-report.ts";

/** Rejects with the system's error where the port is taken. Serves before NATS can be reached, with what it has. */
export async function createInsight(config: InsightConfig, logger: Logger): Promise<Service> {
  const records = createRecords({ maxRequests: config.maxRequests });
  const bus = await connectEvents({ url: config.natsUrl, name: "insight", logger });
  const ledger = ledgerOn(bus, config, logger);
  const context: Context = { records, ledger, clock: systemClock, machine: config.machine };
  const server = await startServer({
    name: "insight",
    host: config.host,
    port: config.port,
    services: [InsightService],
    routes: (router) => router.service(InsightService, { getReport: getReport(context) }),
    fallback: reportPages(context, (error) => logger.error({ err: error }, "a report page failed")),
    // Its pages are for browsers, which have no certificate of the mesh.
    tls: openTls(doorTlsFiles(config), { logger }),
    logger,
  }).catch(async (error: unknown) => {
    await bus.close();
    throw error;
  });
  const consumption = await bus.follow({
    kinds: consumedKinds,
    handle: (received) => takeEvent(records, received, systemClock),
  });
  return {
    address: server.address,
    drain: () => server.drain(config.drainGraceMs),
    async dispose() {
      await consumption.stop();
      await bus.close();
      await server.close();
    },
  };
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
