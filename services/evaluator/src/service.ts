// The evaluator's wiring: what is created, in which order, and how it ends.
import { EvaluatorService } from "@chimera/contracts/evaluator";
import { RouterService } from "@chimera/contracts/router";
import { connectEvents } from "@chimera/events";
import { systemClock, systemRandom } from "@chimera/kernel";
import type { Logger, Service } from "@chimera/lifecycle";
import { connectClient, openTls, startServer } from "@chimera/rpc";
import { meshTlsFiles } from "@chimera/rpc/settings";
import type { EvaluatorConfig } from "./config.ts";
import { consumeRequestFinished } from "./consume/request-finished.ts";
import type { Context } from "./context.ts";
import { FeedbackJoin } from "./feedback/join.ts";
import { evaluate } from "./rpc/evaluate.ts";
import { recordFeedback } from "./rpc/record-feedback.ts";
import { routerGenerate } from "./rpc/router-client.ts";
import { RunSlots } from "./run/run-slots.ts";

/** Serves at once, with or without a router or NATS: both are looked for when they are needed. */
export async function createEvaluator(config: EvaluatorConfig, logger: Logger): Promise<Service> {
  const tls = openTls(meshTlsFiles(config), { logger });
  const bus = await connectEvents({ url: config.natsUrl, name: "evaluator", logger });
  const router = connectClient(RouterService, config.routerUrl, { tls });
  const join = new FeedbackJoin({ publish: (event, id) => bus.publish(event, id), clock: systemClock });
  const context: Context = {
    generate: routerGenerate(router, config.requestTimeoutMs),
    bus,
    join,
    slots: new RunSlots(config.maxRuns),
    datasetsDir: config.datasetsDir,
    clock: systemClock,
    random: systemRandom,
    logger,
  };
  const server = await startServer({
    name: "evaluator",
    host: config.host,
    port: config.port,
    services: [EvaluatorService],
    routes: (routes) =>
      routes.service(EvaluatorService, { evaluate: evaluate(context), recordFeedback: recordFeedback(context) }),
    tls,
    logger,
  }).catch(async (error: unknown) => {
    router.close();
    await bus.close();
    throw error;
  });
  const consumption = await consumeRequestFinished(bus, join);
  return {
    address: server.address,
    async drain() {
      await server.drain(config.drainMs);
      await consumption.stop();
      await bus.close();
    },
    async dispose() {
      await server.close();
      router.close();
      tls?.close();
    },
  };
}
