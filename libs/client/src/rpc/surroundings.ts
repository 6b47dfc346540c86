// What every call of one client shares.

import type { RouterService } from "@chimera/contracts/router";
import { type Clock, type Random, systemClock, systemRandom } from "@chimera/kernel";
import type { Client } from "@connectrpc/connect";
import type { CommonOptions } from "../options.ts";
import type { RetryPolicy } from "../retry.ts";
import type { CallScope } from "./call-scope.ts";
import type { Connection } from "./connection.ts";

export interface Surroundings {
  clock: Clock;
  random: Random;
  /** Resolves after that time, or when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface Shared extends Surroundings {
  options: CommonOptions;
  connection: Connection;
  router(): Promise<Client<typeof RouterService>>;
  retry: RetryPolicy;
  /** Calls that have not ended. */
  live: Set<CallScope>;
}

export const realSurroundings: Surroundings = { clock: systemClock, random: systemRandom, sleep };

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}
