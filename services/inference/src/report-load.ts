// Tells the mesh how busy this replica is, so that routers find it and choose between replicas without asking each of them.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type LoadReported, LoadReportedSchema } from "@chimera/contracts/events";
import type { EventBus } from "@chimera/events";
import type { Clock } from "@chimera/kernel";
import type { Logger } from "@chimera/lifecycle";
import type { Engine, EngineLoad } from "./engine/engine.ts";
import { loadMessage } from "./load-message.ts";
import { loadUpdates, MIN_INTERVAL_MS } from "./load-updates.ts";

/** An idle replica says that it is still there. */
const IDLE_INTERVAL_MS = 1000;

export interface LoadReporting {
  engine: Engine;
  bus: Pick<EventBus, "announce">;
  clock: Clock;
  replica: string;
  /** http://host:port where routers reach this replica. */
  url: string;
  settingsVersion(): number;
  logger: Logger;
}

/** Announces until it is stopped. */
export function reportLoad(reporting: LoadReporting): { stop(): Promise<void> } {
  const end = new AbortController();
  // Serving goes on without reports: routers still ask each replica they were told of.
  const done = announceAll(reporting, end.signal).catch((error: unknown) =>
    reporting.logger.error({ err: error }, "load reports ended"),
  );
  return {
    async stop() {
      end.abort();
      await done;
    },
  };
}

async function announceAll(reporting: LoadReporting, signal: AbortSignal): Promise<void> {
  const { engine, bus } = reporting;
  for await (const load of loadUpdates(engine, { signal, repeatMs })) {
    bus.announce({ kind: "loadReported", message: reportOf(reporting, load) });
  }
}

function repeatMs({ busySlots, queuedRequests }: EngineLoad): number {
  return busySlots + queuedRequests > 0 ? MIN_INTERVAL_MS : IDLE_INTERVAL_MS;
}

function reportOf({ engine, clock, replica, url, settingsVersion }: LoadReporting, load: EngineLoad): LoadReported {
  const { model, modelVersion, engine: engineName } = engine.describe();
  const at = timestampFromMs(clock.nowMs());
  return create(LoadReportedSchema, {
    replica,
    url,
    model,
    modelVersion,
    engine: engineName,
    at,
    load: loadMessage(load),
    settingsVersion: settingsVersion(),
  });
}
