// Which queue a run goes through: the shared one where NATS is there, else the one in this process.
import type { WorkQueue } from "@chimera/events";
import { UnavailableError } from "@chimera/kernel";
import type { Logger } from "@chimera/lifecycle";
import type { RunQueue } from "./queue.ts";

export interface RunQueues {
  /** `mustBeShared`: the caller wants to go on with the run later. Throws UnavailableError where that can not be. */
  choose(options: { mustBeShared: boolean }): Promise<RunQueue>;
}

/** How long NATS may take to be found. A run that only starts anew when it is broken off need not wait for long. */
const WAIT_FOR_SHARED_MS = 3000;
const WAIT_MS = 500;

export interface QueuesOptions {
  work: Pick<WorkQueue, "whenConnected">;
  shared: RunQueue;
  local: RunQueue;
  logger: Pick<Logger, "warn">;
}

export function runQueues({ work, shared, local, logger }: QueuesOptions): RunQueues {
  return {
    async choose({ mustBeShared }) {
      if (await work.whenConnected(mustBeShared ? WAIT_FOR_SHARED_MS : WAIT_MS)) return shared;
      if (mustBeShared) {
        throw new UnavailableError("no NATS: a run with an id can not be kept; leave run_id out to play it here alone");
      }
      logger.warn({}, "no NATS: the run is played by this evaluator alone and can not be resumed");
      return local;
    },
  };
}
