// The warm-up of a cache with everything it calls: router, replicas, credentials.
import { RouterService } from "@chimera/contracts/router";
import type { EventBus } from "@chimera/events";
import type { Clock, Random } from "@chimera/kernel";
import type { Logger } from "@chimera/lifecycle";
import { connectClient, type Tls } from "@chimera/rpc";
import type { Answers } from "../answers.ts";
import type { CacheConfig } from "../config.ts";
import type { EntryIndex } from "../index/entry-index.ts";
import type { Pruner } from "../pruning/pruner.ts";
import { prefixWarmer } from "../rpc/prefix-client.ts";
import { routerGenerate } from "../rpc/router-client.ts";
import { openCredentials } from "./credentials.ts";
import { Replicas } from "./replicas.ts";
import { WarmUps } from "./warm-ups.ts";
import { WarmingKeys } from "./warming-keys.ts";

export interface WarmUpParts {
  config: Pick<CacheConfig, "replica" | "routerUrl" | "routerCredentials" | "routerCredentialsFile">;
  answers: Pick<Answers, "undo">;
  index: Pick<EntryIndex, "entries" | "get">;
  pruner: Pick<Pruner, "restore">;
  bus: EventBus;
  tls: Tls | undefined;
  clock: Clock;
  random: Random;
  logger: Logger;
}

export interface OpenWarmUps {
  warmUps: WarmUps;
  warming: WarmingKeys;
  stop(): Promise<void>;
}

/** Nothing is called before a warm-up is asked for. Throws where the file of credentials can not be used. */
export function openWarmUps({
  config,
  answers,
  index,
  pruner,
  bus,
  tls,
  clock,
  random,
  logger,
}: WarmUpParts): OpenWarmUps {
  const credentials = openCredentials(config.routerCredentials, config.routerCredentialsFile, logger);
  const router = connectClient(RouterService, config.routerUrl, { tls });
  const replicas = new Replicas(bus, clock);
  const warming = new WarmingKeys();
  const tools = {
    bus,
    index,
    restorable: {
      has: (prefix: string) => answers.undo.find(prefix) !== undefined,
      restore: (prefix: string) => pruner.restore(prefix),
    },
    generate: routerGenerate(router, () => credentials.current),
    hasCredential: (tenant: string) => credentials.current.size === 0 || credentials.current.has(tenant),
    warmPrefix: prefixWarmer(replicas, tls),
    warming,
    clock,
    random,
  };
  const warmUps = new WarmUps({ tools, replica: config.replica, logger });
  const stop = async () => {
    await warmUps.stop();
    await replicas.stop();
    credentials.close();
    router.close();
  };
  return { warmUps, warming, stop };
}
