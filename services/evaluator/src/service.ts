// The evaluator's wiring: what is created, in which order, and how it ends.
import { join } from "node:path";
import { EvaluatorService } from "@chimera/contracts/evaluator";
import { RouterService } from "@chimera/contracts/router";
import { connectEvents, type EventBus, openWorkQueue } from "@chimera/events";
import { systemClock, systemRandom } from "@chimera/kernel";
import { ConfigError, type Logger, type Reloading, reloading, type Service } from "@chimera/lifecycle";
import { connectClient, openTls, startServer } from "@chimera/rpc";
import { meshTlsFiles } from "@chimera/rpc/settings";
import type { EvaluatorConfig } from "./config.ts";
import { consumeRequestFinished } from "./consume/request-finished.ts";
import type { Context } from "./context.ts";
import { DataSets } from "./dataset/data-sets.ts";
import { FeedbackJoin } from "./feedback/join.ts";
import { OnlineQuality } from "./online/online-quality.ts";
import { runQueues } from "./queue/choose-queue.ts";
import { LocalRunQueue } from "./queue/local-queue.ts";
import { SharedRunQueue } from "./queue/shared-queue.ts";
import { compare } from "./rpc/compare.ts";
import { evaluate } from "./rpc/evaluate.ts";
import { guardStatus } from "./rpc/guard-status.ts";
import { onlineQuality } from "./rpc/online-quality.ts";
import { recordFeedback } from "./rpc/record-feedback.ts";
import { routerGenerate } from "./rpc/router-client.ts";
import { tune } from "./rpc/tune.ts";
import { ask } from "./run/ask.ts";
import { judging } from "./run/judging.ts";
import { RunSlots } from "./run/run-slots.ts";
import { scoreAnswer } from "./run/scoring.ts";
import { batchWorker } from "./run/worker.ts";
import { EvaluatedSplits } from "./tuning/evaluated-splits.ts";
import { GuardBook } from "./tuning/guard-book.ts";
import type { TuningContext } from "./tuning/open-tuning.ts";
import { servedModels } from "./tuning/served-models.ts";
import { TuningFiles } from "./tuning/tuning-files.ts";

/** Serves at once, with or without a router or NATS: both are looked for when they are needed. */
export async function createEvaluator(config: EvaluatorConfig, logger: Logger): Promise<Service> {
  const tls = openTls(meshTlsFiles(config), { logger });
  const bus = await connectEvents({ url: config.natsUrl, name: "evaluator", logger });
  const router = connectClient(RouterService, config.routerUrl, { tls });
  const key = apiKey(config, logger);
  const generate = routerGenerate(router, { timeoutMs: config.requestTimeoutMs, apiKey: () => key?.current });
  const online = new OnlineQuality({ share: config.onlineShare, clock: systemClock, random: systemRandom });
  const publish: EventBus["publish"] = (event, id) => {
    if (event.kind === "scoreRecorded") online.scored(event.message);
    bus.publish(event, id);
  };
  const feedback = new FeedbackJoin({ publish, clock: systemClock });
  const { queues, closeQueues } = openQueues(config, { generate, logger });
  const context: Context = {
    generate,
    queues,
    tuning: tuningOf(config, () => key?.current),
    evaluated: new EvaluatedSplits(),
    online,
    replica: config.replica,
    bus,
    join: feedback,
    slots: new RunSlots(config.maxRuns),
    datasets: new DataSets(config.datasetsDir),
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
      routes.service(EvaluatorService, {
        evaluate: evaluate(context),
        compare: compare(context),
        recordFeedback: recordFeedback(context),
        tune: tune(context),
        guardStatus: guardStatus(context),
        onlineQuality: onlineQuality(context),
      }),
    tls,
    logger,
  }).catch(async (error: unknown) => {
    await closeQueues();
    key?.close();
    router.close();
    await bus.close();
    throw error;
  });
  const consumption = await consumeRequestFinished(bus, { join: feedback, online });
  return {
    address: server.address,
    async drain() {
      await server.drain(config.drainMs);
      await closeQueues();
      await consumption.stop();
      await bus.close();
    },
    async dispose() {
      await server.close();
      key?.close();
      router.close();
      tls?.close();
    },
  };
}

/** The shared queue is worked on from the start: this process helps runs of other replicas as well. */
function openQueues(
  { natsUrl, replica, lanes }: EvaluatorConfig,
  { generate, logger }: { generate: Context["generate"]; logger: Logger },
) {
  const asking = { generate, random: systemRandom, clock: systemClock };
  const handle = batchWorker({
    replica,
    ask: (question, signal) => ask(asking, question, signal),
    score: scoreAnswer,
    judge: judging(asking),
  });
  const work = openWorkQueue({ url: natsUrl, name: "evaluator-work", work: "EVALUATION", logger });
  const shared = new SharedRunQueue({ work, handle, lanes, logger });
  const local = new LocalRunQueue({ handle, clock: systemClock });
  const closeQueues = async () => {
    await Promise.all([shared.close(), local.close()]);
  };
  return { queues: runQueues({ work, shared, local, logger }), closeQueues };
}

function tuningOf(config: EvaluatorConfig, apiKey: () => string | undefined): TuningContext {
  const { stateDir, dataDir, holdoutLooks, routerUrl } = config;
  const folder = stateDir ?? join(dataDir, "evaluator");
  return {
    files: new TuningFiles(join(folder, "tuning")),
    book: new GuardBook(join(folder, "guard")),
    looks: holdoutLooks,
    models: (signal) => servedModels({ routerUrl, apiKey }, signal),
  };
}

/** Throws ConfigError where the file can not be used. */
function apiKey(
  { apiKey: given, apiKeyFile }: EvaluatorConfig,
  logger: Logger,
): Pick<Reloading<string>, "current" | "close"> | undefined {
  if (apiKeyFile === undefined) return given === undefined ? undefined : { current: given, close: () => undefined };
  try {
    return reloading({
      what: "the API key for the router",
      files: [apiKeyFile],
      parse: ([content]) => content?.toString("utf8").trim() ?? "",
      logger,
    });
  } catch (error) {
    throw new ConfigError(`EVALUATOR_API_KEY_FILE: ${error instanceof Error ? error.message : String(error)}`);
  }
}
